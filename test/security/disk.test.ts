import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completion, streamed } from '../support/answers.ts';
import { runCli } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { CHANGES, type Scene, scene, shown } from './support/changes.ts';
import { type SmallDisk, smallDisk, whyNoDisk } from './support/small-disk.ts';

const WHY = whyNoDisk();
let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
  upstream.script('openai', { whole: completion('Hello.'), stream: streamed('Hello.') });
});
afterAll(() => upstream.close());

/** No change is taken, none answers with less than the contract's words, and none tells of the machine. */
function unavailable(scene: () => Scene): void {
  it.each(CHANGES)('%s is a 503', async (_, change) => {
    const { status, body } = await change(scene());
    expect([status, body?.error?.type]).toEqual([503, 'service_unavailable_error']);
  });

  it.each(CHANGES)(
    '%s is refused in the one error shape, and tells nothing of the machine',
    async (_, change) => {
      const { status, body, text } = await change(scene());
      expect([500, 503]).toContain(status);
      expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type']);
      expect(text).not.toMatch(/sqlite|disk|transaction|readonly|\/tmp/i);
    },
  );
}

describe.skipIf(WHY !== null)(`a full disk${WHY === null ? '' : ` (skipped: ${WHY})`}`, () => {
  let at: Scene;
  let disk: SmallDisk;
  let before: Awaited<ReturnType<typeof shown>>;
  beforeAll(async () => {
    disk = smallDisk(6);
    at = await scene(join(disk.path, 'data'), upstream.url);
    before = await shown(at);
    disk.fill();
    // what the log's file has room for already is used up
    for (let i = 0; i < 40; i++) await (await at.user.chat({ model: 'one' })).text();
    await pause(1_300);
  });
  afterAll(async () => {
    await at?.gateway.close();
    disk.close();
  });

  it('chats go on, whole, streamed and cached, and who called is known', async () => {
    for (const [body, headers] of [
      [{}, {}],
      [{ stream: true }, {}],
      [{ temperature: 0 }, { 'x-inferbridge-cache': 'true' }],
      [{ temperature: 0 }, { 'x-inferbridge-cache': 'true' }],
    ] as const) {
      const response = await at.user.chat({ model: 'one', ...body }, headers);
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('Hello');
    }
    expect((await at.gateway.fetch('/live')).status).toBe(200);
  });

  unavailable(() => at);

  it('an audit export that finds no room is a 503, and only that one call is in trouble', async () => {
    const day = (from: number) => new Date(Date.now() + from * 86_400_000).toISOString();
    const response = await at.gateway.fetch(
      `/v1/audit/export?start_date=${day(-1)}&end_date=${day(1)}&format=json`,
      { key: at.user.key },
    );
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { error: { type: 'service_unavailable_error' } },
    ]);
    expect((await at.gateway.fetch('/live')).status).toBe(200);
  });

  it('nothing is half-written: all is as it was', async () => {
    expect(await shown(at)).toEqual(before);
  });

  it('/health says ok: what is there can still be read', async () => {
    expect((await at.gateway.fetch('/health')).status).toBe(200);
  });

  it('all is well again when there is room: changes are taken, and the rows of meanwhile are written', async () => {
    disk.empty();
    const probe = `probe-${randomUUID()}`;
    expect((await at.user.chat({ model: 'one' }, { 'x-request-id': probe })).status).toBe(200);
    await pause(1_500);
    const rows = (await (await at.gateway.fetch('/v1/logs?limit=1000', { key: at.user.key })).json()) as {
      data: { request_id: string }[];
    };
    expect(rows.data.filter(({ request_id: id }) => id === probe)).toHaveLength(1);
    expect(rows.data).toHaveLength(1 + 40 + 4 + 1);
    const statuses = [];
    for (const [name, change] of CHANGES.filter(([one]) => !one.startsWith('DELETE /v1/users')))
      statuses.push([name, (await change(at)).status]);
    expect(statuses.filter(([, status]) => ![200, 201, 204].includes(Number(status)))).toEqual([]);
  });
});

/** Can a file that is open for writing be closed to its writer? Only where the file system and the user allow it. */
function whyNotImmutable(): string | null {
  const dir = mkdtempSync(join(tmpdir(), 'inferbridge-fixed-'));
  const file = join(dir, 'file');
  appendFileSync(file, 'x');
  const open = openSync(file, 'a');
  try {
    execFileSync('chattr', ['+i', file], { stdio: 'pipe' });
    writeSync(open, 'y');
    return 'chattr +i does not hold here';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? null : 'chattr cannot be used here';
  } finally {
    closeSync(open);
    try {
      execFileSync('chattr', ['-i', file], { stdio: 'pipe' });
    } catch {
      // it never was
    }
    rmSync(dir, { recursive: true, force: true });
  }
}
const FIXED = whyNotImmutable();
if (FIXED !== null) process.stderr.write(`\nthe tests with read-only files are skipped: ${FIXED}\n`);

describe.skipIf(FIXED !== null)(
  `files that became read-only${FIXED === null ? '' : ` (skipped: ${FIXED})`}`,
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'inferbridge-fixed-'));
    let at: Scene;
    let before: Awaited<ReturnType<typeof shown>>;
    const turn = (how: '+i' | '-i') =>
      execFileSync('chattr', [
        how,
        ...readdirSync(dir)
          .filter((name) => !name.endsWith('-shm'))
          .map((name) => join(dir, name)),
      ]);
    beforeAll(async () => {
      at = await scene(dir, upstream.url);
      before = await shown(at);
      turn('+i');
    });
    afterAll(async () => {
      turn('-i');
      await at.gateway.close();
      rmSync(dir, { recursive: true, force: true });
    });

    it('chats go on', async () => {
      for (let i = 0; i < 5; i++) {
        const response = await at.user.chat(
          { model: 'one', stream: i % 2 === 1 },
          { 'x-inferbridge-cache': 'true' },
        );
        expect([response.status, (await response.text()).includes('Hello')]).toEqual([200, true]);
      }
    });

    unavailable(() => at);

    it('nothing is half-written, and all is well again when they can be written', async () => {
      expect(await shown(at)).toEqual(before);
      turn('-i');
      const statuses = [];
      for (const [name, change] of CHANGES.filter(([one]) => !one.startsWith('DELETE /v1/users')))
        statuses.push([name, (await change(at)).status]);
      expect(statuses.filter(([, status]) => ![200, 201, 204].includes(Number(status)))).toEqual([]);
      await pause(1_300);
      expect(await at.user.logs()).toHaveLength(6);
    });
  },
);

describe.skipIf(WHY !== null)('a start where nothing can be written', () => {
  let disk: SmallDisk;
  beforeAll(async () => {
    disk = smallDisk(6);
    const used = await scene(join(disk.path, 'used'), upstream.url);
    await used.gateway.stop();
    disk.readOnly(true);
  });
  afterAll(() => disk.close());

  const start = async (name: string) => {
    const dataDir = join(disk.path, name);
    const told = await runCli(['start', '--port', '0'], {
      cwd: tmpdir(),
      env: { INFERBRIDGE_DATA_DIR: dataDir },
    });
    return { ...told, dataDir };
  };

  it.each(['empty', 'used'])('is refused, and names the place: %s', async (name) => {
    const { code, output, dataDir } = await start(name);
    expect([code, output.includes(dataDir)]).toEqual([1, true]);
  });

  it.each(['empty', 'used'])('shows no stack, but words: %s', async (name) => {
    expect((await start(name)).output).not.toMatch(/\n\s+at /);
  });
});
