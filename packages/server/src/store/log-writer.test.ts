import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '@inferbridge/core';
import { settled, virtualClock } from '@inferbridge/core/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { logRow } from '../../../../test/support/log-row.ts';
import { openLogs } from './database.ts';
import { createLogWriter, type LogWriterOptions } from './log-writer.ts';
import { createRequestLog } from './request-log.ts';
import { createRowInsert, type RowInsert } from './row-insert.ts';
import type { RequestRow } from './schema.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

const row = (n: number): RequestRow => logRow({ request_id: `r-${n}`, created_at: 1_000_000 + n });

/** A database that takes rows in memory, and fails while it is told to. */
function fake() {
  const state = {
    batches: [] as string[][],
    down: false,
    poison: null as string | null,
    gate: null as Promise<void> | null,
  };
  const insert: RowInsert = {
    async all(rows) {
      await state.gate;
      if (state.down) throw Object.assign(new Error('disk full'), { code: 'SQLITE_FULL' });
      if (rows.some(({ request_id }) => request_id === state.poison))
        throw Object.assign(new Error('no'), { code: 'SQLITE_CONSTRAINT_NOTNULL' });
      state.batches.push(rows.map(({ request_id }) => request_id));
    },
  };
  return { state, insert };
}

function make(options: Partial<LogWriterOptions> = {}) {
  const lines: string[] = [];
  const say = (level: string) => (_: object, message: string) => void lines.push(`${level}: ${message}`);
  const log: Log = { info: say('info'), warn: say('warn'), error: say('error') };
  const { state, insert } = fake();
  const clock = virtualClock();
  return { state, clock, lines, writer: createLogWriter({ insert, clock, log, ...options }) };
}
const names = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `r-${from + i}`);
const addAll = (writer: { add(row: RequestRow): void }, from: number, to: number) => {
  for (let n = from; n < to; n++) writer.add(row(n));
};
/** Lets batches, which have a turn of the loop between them, all be written. */
const turns = async (n: number) => {
  for (let i = 0; i < n; i++) await settled();
};

describe('log writer', () => {
  it('writes what waits together, after a moment and not before', async () => {
    const { state, clock, writer } = make();
    addAll(writer, 0, 3);
    await clock.advance(199);
    expect(state.batches).toEqual([]);
    await clock.advance(1);
    await turns(2);
    expect(state.batches).toEqual([names(0, 3)]);
    expect(clock.pending()).toBe(0);
  });

  it('writes many in batches, in their order', async () => {
    const { state, writer } = make();
    addAll(writer, 0, 600);
    await writer.flush();
    expect(state.batches).toEqual([names(0, 250), names(250, 500), names(500, 600)]);
  });

  it('writes a full batch at once', async () => {
    const { state, writer } = make();
    addAll(writer, 0, 250);
    await turns(3);
    expect(state.batches).toEqual([names(0, 250)]);
  });

  it('lets rows that come while a full batch is written wait for their neighbours', async () => {
    const { state, clock, writer } = make();
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    addAll(writer, 0, 250);
    await turns(2);
    addAll(writer, 250, 290);
    gate.resolve();
    await turns(5);
    expect(state.batches).toEqual([names(0, 250)]);
    await clock.advance(200);
    await turns(2);
    expect(state.batches).toEqual([names(0, 250), names(250, 290)]);
  });

  it('flushes also what lies behind the batch that is being written', async () => {
    const { state, writer } = make();
    addAll(writer, 0, 520);
    await turns(1);
    await writer.flush();
    expect(state.batches.flat()).toEqual(names(0, 520));
  });

  it('writes on flush at once, and nothing twice', async () => {
    const { state, clock, writer } = make();
    addAll(writer, 0, 2);
    await Promise.all([writer.flush(), writer.flush()]);
    await clock.advance(1_000);
    await writer.flush();
    expect(state.batches).toEqual([names(0, 2)]);
  });

  it('writes on flush what came while it was writing', async () => {
    const { state, writer } = make();
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    addAll(writer, 0, 1);
    const flushed = writer.flush();
    addAll(writer, 1, 2);
    gate.resolve();
    await flushed;
    expect(state.batches.flat()).toEqual(names(0, 2));
  });

  it('survives a store that fails, says so once, and loses nothing afterwards', async () => {
    const { state, clock, lines, writer } = make();
    state.down = true;
    addAll(writer, 0, 150);
    for (let i = 0; i < 5; i++) await clock.advance(1_000);
    await writer.flush();
    addAll(writer, 150, 160);
    expect(state.batches).toEqual([]);
    expect(lines).toEqual(['error: request rows cannot be written; requests go on']);
    state.down = false;
    await clock.advance(1_000);
    await turns(5);
    expect(state.batches.flat()).toEqual(names(0, 160));
    expect(lines).toEqual([
      'error: request rows cannot be written; requests go on',
      'info: request rows are written again',
    ]);
    expect(writer.dropped()).toBe(0);
  });

  it('says it again when the store fails again', async () => {
    const { state, lines, writer } = make();
    for (const down of [true, false, true]) {
      state.down = down;
      addAll(writer, 0, 1);
      await writer.flush();
    }
    expect(lines.filter((line) => line.startsWith('error'))).toHaveLength(2);
  });

  it('does not let one row that the store refuses hold up the others', async () => {
    const { state, clock, writer } = make();
    state.poison = 'r-1';
    addAll(writer, 0, 3);
    for (let i = 0; i < 5; i++) await clock.advance(1_000);
    await writer.flush();
    addAll(writer, 3, 5);
    for (let i = 0; i < 5; i++) await clock.advance(1_000);
    await writer.flush();
    expect(state.batches.flat()).toEqual(['r-0', 'r-2', 'r-3', 'r-4']);
  });

  it('drops new rows once too many wait, counts them and says so once', async () => {
    const { state, lines, writer } = make({ capacity: 5 });
    state.down = true;
    addAll(writer, 0, 9);
    expect(writer.dropped()).toBe(4);
    expect(lines).toEqual(['error: too many request rows wait; new ones are dropped']);
    state.down = false;
    await writer.flush();
    expect(state.batches.flat()).toEqual(names(0, 5));
  });

  it('writes all at its close, and leaves no timer behind', async () => {
    const { state, clock, writer } = make();
    addAll(writer, 0, 120);
    await writer.close();
    expect(state.batches.flat()).toEqual(names(0, 120));
    expect(clock.pending()).toBe(0);
  });

  it('writes at its close what is being written, and what came behind it', async () => {
    const { state, clock, writer } = make();
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    addAll(writer, 0, 1);
    const flushed = writer.flush();
    addAll(writer, 1, 3);
    const closed = writer.close();
    gate.resolve();
    await Promise.all([flushed, closed]);
    expect(state.batches.flat()).toEqual(names(0, 3));
    expect(clock.pending()).toBe(0);
  });

  it('says at its close how many are lost where the store is still down', async () => {
    const { state, clock, lines, writer } = make();
    state.down = true;
    addAll(writer, 0, 3);
    await writer.close();
    expect(lines.at(-1)).toBe('error: request rows were lost at the end');
    expect(clock.pending()).toBe(0);
  });

  it('writes rows that the log then shows', async () => {
    const root = mkdtempSync(join(tmpdir(), 'inferbridge-writer-'));
    cleanup.push(() => rmSync(root, { recursive: true, force: true }));
    const db = await openLogs(join(root, 'logs.sqlite'), () => {});
    cleanup.push(() => db.destroy());
    const { writer } = make({ insert: createRowInsert(db) });
    addAll(writer, 0, 230);
    await writer.close();
    const rows = await createRequestLog(db).page('a', { since: null, limit: 1_000, after: null });
    expect(rows.map(({ request_id }) => request_id)).toEqual(names(0, 230).reverse());
  });
});
