/*
 * Server-sent events, the part that a gateway needs: where events end, and what their data is.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (read 2026-11-21).
 */
import { GatewayError } from '../errors.ts';

const LF = 10;
const CR = 13;
const BOM = [0xef, 0xbb, 0xbf];

/** An event larger than this is an attack or a mistake; the largest true ones are images of some megabytes. */
const MOST_EVENT_BYTES = 64 * 1024 * 1024;

/**
 * Cuts a byte stream behind the last blank line of each piece, so that what comes out is always whole events, many
 * at once where many came at once. Each byte is looked at once, however the pieces fall. Line ends may be LF, CRLF
 * or CR. What stands after the last blank line is given out at the end, if it is an event at all.
 */
export function createCutter(limit = MOST_EVENT_BYTES): Cutter {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  // at the start of a line (an end of line here makes a blank one), and just behind a CR (an LF here belongs to it)
  let lineStart = true;
  let afterCr = false;
  let crClosed = false;
  // what has come while it may still become a BOM
  let start: Uint8Array | null = new Uint8Array(0);

  const take = (tail: Uint8Array): Uint8Array => {
    if (held.length === 0) return tail;
    const whole = concat([...held, tail], heldBytes + tail.length);
    held = [];
    heldBytes = 0;
    return whole;
  };

  return {
    push(piece) {
      let bytes = piece;
      if (start) {
        bytes = start.length > 0 ? concat([start, piece], start.length + piece.length) : piece;
        const like = BOM.findIndex((byte, i) => bytes[i] !== byte);
        if (bytes.length < 3 && (like < 0 || like >= bytes.length)) {
          start = bytes;
          return null;
        }
        start = null;
        if (like < 0) bytes = bytes.subarray(3);
      }
      let lf = -1;
      let end = 0;
      for (let i = 0; i < bytes.length; i++) {
        const byte = bytes[i];
        if (byte === LF) {
          if (afterCr) {
            afterCr = false;
            if (crClosed) end = i + 1; // the LF of a CRLF whose CR closed an event
            continue;
          }
          if (lineStart) end = i + 1;
          lineStart = true;
        } else if (byte === CR) {
          crClosed = lineStart;
          if (lineStart) end = i + 1;
          lineStart = true;
          afterCr = true;
        } else {
          lineStart = false;
          afterCr = false;
          if (lf < i) lf = bytes.indexOf(LF, i);
          if (lf < 0) lf = bytes.length;
          const cr = bytes.subarray(i, lf).indexOf(CR);
          i = (cr < 0 ? lf : i + cr) - 1;
        }
      }
      const whole = end > 0 ? take(bytes.subarray(0, end)) : null;
      if (end < bytes.length) {
        held.push(bytes.subarray(end));
        heldBytes += bytes.length - end;
        if (heldBytes > limit)
          throw new GatewayError('malformed', `the upstream sent an event larger than ${limit} bytes`);
      }
      return whole;
    },
    end() {
      const rest = start && start.length > 0 ? start : heldBytes > 0 ? take(new Uint8Array(0)) : null;
      if (!rest || !parseEvents(rest).some(({ data }) => isWhole(data))) return null;
      return concat([rest, BLANK], rest.length + BLANK.length);
    },
  };
}

export interface Cutter {
  /** Whole events, or `null` where no event has ended yet. */
  push(piece: Uint8Array): Uint8Array | null;
  /** What was left without a blank line behind it, with one, where it can be read: half an event is none. */
  end(): Uint8Array | null;
}

const BLANK = new Uint8Array([LF, LF]);

/** Is this all that an event was to say? */
function isWhole(data: string): boolean {
  if (data === '[DONE]') return true;
  try {
    return typeof JSON.parse(data) === 'object';
  } catch {
    return false;
  }
}

function concat(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** One event: its name (`message` where it has none) and its data lines joined. */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

const decoder = new TextDecoder();

/** The events in bytes that hold whole events; comments and events without data are left out. */
export function parseEvents(bytes: Uint8Array): readonly ServerEvent[] {
  const events: ServerEvent[] = [];
  let event = 'message';
  let data: string | null = null;
  const close = () => {
    if (data !== null) events.push({ event, data });
    event = 'message';
    data = null;
  };
  for (const line of decoder.decode(bytes).split(/\r\n|\n|\r/)) {
    if (line === '') {
      close();
      continue;
    }
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') data = data === null ? value : `${data}\n${value}`;
    else if (field === 'event') event = value;
  }
  close();
  return events;
}
