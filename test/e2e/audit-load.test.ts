import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openLogs } from '../../packages/server/src/store/database.ts';
import { createRowInsert } from '../../packages/server/src/store/row-insert.ts';
import { account } from '../support/account.ts';
import { startGateway } from '../support/gateway.ts';
import { logRow } from '../support/log-row.ts';

const ROWS = 20_000;
const ATTEMPT = { provider: 'groq', model: 'm', outcome: 'ok', status: 200, why: 'x'.repeat(300) };

it('a report is made for one caller at a time, for nobody who has left, and in nobody’s way', async () => {
  const first = await startGateway();
  const user = await account(first);
  const other = await account(first);
  await first.stop();
  const db = await openLogs(join(first.dir, 'data', 'logs.sqlite'), () => {});
  const insert = createRowInsert(db);
  const start = (Date.now() - 3_600_000) * 1_000;
  for (let at = 0; at < ROWS; at += 500)
    await insert.all(
      Array.from({ length: 500 }, (_, i) =>
        logRow({
          user_id: user.userId,
          request_id: `r-${at + i}`,
          created_at: start + at + i,
          attempts: [ATTEMPT],
        }),
      ),
    );
  await db.destroy();

  const gateway = await startGateway({ dir: first.dir });
  const reports = join(gateway.dir, 'data', 'reports');
  const day = (from: number) => encodeURIComponent(new Date(Date.now() + from * 86_400_000).toISOString());
  const path = `/v1/audit/export?start_date=${day(-1)}&end_date=${day(1)}`;
  const { hostname, port } = new URL(gateway.url);
  const leave = async (afterMs: number) => {
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${user.key}\r\n\r\n`);
    await pause(afterMs);
    socket.destroy();
  };
  try {
    const making = gateway.fetch(path, { key: user.key });
    await pause(100);
    const second = await gateway.fetch(path, { key: user.key });
    expect([second.status, second.headers.get('retry-after')]).toEqual([429, '5']);
    expect((await gateway.fetch(path, { key: other.key })).status).toBe(200);
    const report = (await (await making).json()) as { records: unknown[] };
    expect(report.records).toHaveLength(ROWS);

    for (let i = 0; i < 10; i++) await leave(50);
    let worst = 0;
    for (let i = 0; i < 20; i++) {
      const asked = performance.now();
      expect((await gateway.fetch('/live')).status).toBe(200);
      worst = Math.max(worst, performance.now() - asked);
      await pause(25);
    }
    expect(worst).toBeLessThan(1_000);
    for (let i = 0; i < 50 && existsSync(reports) && readdirSync(reports).length > 0; i++) await pause(100);
    expect(existsSync(reports) ? readdirSync(reports) : []).toEqual([]);
    expect((await gateway.fetch(path, { key: user.key })).status).toBe(200);
  } finally {
    await gateway.close();
  }
});
