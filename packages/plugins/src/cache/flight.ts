import {
  abortable,
  asGatewayError,
  type Call,
  type Clock,
  createEnding,
  createTransientMap,
  foldFrames,
  fork,
  GatewayError,
  type Handler,
  linked,
  onFinish,
  type Reply,
  type Stream,
} from '@inferbridge/core';
import { type SharedStream, shareStream } from './shared-stream.ts';

/** Identical requests that are on their way at the same time share one upstream call. */
export interface Flights {
  /** Runs the call, or joins the one with the same name that is on its way. */
  join(name: string, call: Call, run: Handler): Promise<Reply>;
  /** How many are on their way. */
  size(): number;
}

/** Whose deadline is that much sooner does not join: the flight's own next steps would come too late for it. */
const SOONER_MS = 1_000;

type Landed =
  | { readonly whole: Exclude<Reply, Stream> }
  | { readonly stream: SharedStream; readonly readers: ReadonlyMap<Call, Stream> };

interface Flight {
  lead(): Promise<Reply>;
  /** `null` where it is too late to join. */
  follow(call: Call): Promise<Reply> | null;
  /** Settles when the upstream call is over. */
  readonly over: Promise<unknown>;
}

/** An upstream call that runs on although nobody waits for it any more. */
export interface Orphan {
  readonly over: Promise<unknown>;
  abort(reason: unknown): void;
}

export interface FlightOptions {
  /** Calls run to their end, also where nobody waits for them any more, and meanwhile are in here; without it they end. */
  readonly orphans?: Set<Orphan>;
  /** A whole answer for a caller who streams; without it they have a call of their own. */
  readonly told?: (reply: Exclude<Reply, Stream>, call: Call) => Reply;
  /** For callers who wait for a call that may take longer than they may. */
  readonly clock?: Clock;
}

export function createFlights(options: FlightOptions = {}): Flights {
  const open = createTransientMap<string, Flight>();
  return {
    size: () => open.size,
    join(name, call, run) {
      // whoever wants a whole answer can wait for a stream's end
      const streams = call.request.value.stream === true && !options.told;
      const own = streams ? `${name} stream` : name;
      const joined = open.get(own)?.follow(call) ?? open.get(`${name} stream`)?.follow(call);
      if (joined) return joined.catch((error) => alone(error, call, run));
      const flight = launch(call, run, options);
      open.set(own, flight);
      const land = () => {
        if (open.get(own) === flight) open.delete(own);
      };
      flight.over.then(land, land);
      return flight.lead();
    },
  };
}

/**
 * Tries without the flight where that ran out of its leader's time, or broke as a stream after its first content while
 * this caller, who wants it whole, has seen nothing of it.
 */
function alone(error: unknown, call: Call, run: Handler): Promise<Reply> {
  const { class: failed, details } = asGatewayError(error);
  const itsOwn = failed === 'timeout' || failed === 'deadline' || failed === 'client_closed' || details.limit;
  const unseen = details.committed ? call.request.value.stream !== true : itsOwn;
  if (unseen && !call.signal.aborted && call.budget.timeLeft() > SOONER_MS) return run(call);
  throw error;
}

function launch(leader: Call, run: Handler, { orphans, told, clock }: FlightOptions): Flight {
  const controller = new AbortController();
  const abort = (reason: unknown) => controller.abort(reason);
  /** Those who wait for the answer, or read the stream. */
  const here = new Set<Call>();
  let ended = false;
  const gone = (call: Call, reason: unknown) => {
    if (!here.delete(call) || here.size > 0 || ended) return;
    if (orphans && asGatewayError(reason).class !== 'shed') orphans.add(orphan);
    else abort(reason);
  };
  const wait = (call: Call) => {
    const { signal } = call;
    here.add(call);
    orphans?.delete(orphan);
    const leave = () => gone(call, signal.reason);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    return () => signal.removeEventListener('abort', leave);
  };
  /** A reader of the stream that has landed. */
  const reading = (call: Call, stream: Stream): Stream => {
    if (!orphans || call.signal.aborted) return stream;
    here.add(call);
    orphans.delete(orphan);
    const left = () => gone(call, new GatewayError('client_closed', 'the client has left'));
    call.signal.addEventListener('abort', () => gone(call, call.signal.reason), { once: true });
    onFinish(stream, left);
    return stream;
  };
  let shared: SharedStream | null = null;
  const followers = new Set<Call>();
  const landed: Promise<Landed> = Promise.resolve()
    .then(() => run(fork(leader, { signal: controller.signal })))
    .then((reply) => {
      if (reply.kind !== 'stream') return { whole: reply };
      const stream = shareStream(reply, () => abort(leader.signal.reason));
      shared = stream;
      if (orphans) void drained(stream.reader({ signal: controller.signal }));
      // all at once, and before the leader, which may have left: a stream that nobody reads is ended
      const there = [...followers].filter(({ signal }) => !signal.aborted);
      return {
        stream,
        readers: new Map(there.map((call) => [call, reading(call, readerFor(stream, call))])),
      };
    });
  const over = landed.then((reply) => ('stream' in reply ? reply.stream.over : null));
  const orphan: Orphan = { over, abort };
  const end = () => {
    ended = true;
    orphans?.delete(orphan);
  };
  over.then(end, end); // each of those who wait hears of it by itself
  const landing = wait(leader);

  return {
    over,
    async lead() {
      const reply = await landed.finally(landing);
      const { signal } = leader;
      // the one who began it tells what it cost, also where it has left and others have not: its row waits for the end
      if ('stream' in reply) {
        const until = ({ error }: { error?: unknown }) => (error ? over : Promise.resolve());
        return reading(leader, reply.stream.reader({ signal, until }));
      }
      if (signal.aborted) throw asGatewayError(signal.reason);
      return reply.whole;
    },
    follow(call) {
      const late = controller.signal.aborted || shared?.open() === false;
      const sooner = call.budget.deadline < leader.budget.deadline - SOONER_MS;
      if (late || (sooner && !clock)) return null;
      const [mine, over] = sooner && clock ? inTime(call, clock) : [call, () => {}];
      if (shared) return Promise.resolve(asked(reading(mine, readerFor(shared, mine)), mine)).finally(over);
      followers.add(mine);
      const leave = wait(mine);
      return abortable(landed, mine.signal)
        .finally(leave)
        .then((reply) => given(reply, mine, told, reading))
        .finally(over);
    },
  };
}

/** The flight may have more time than this caller, who then leaves it; and what ends that. */
function inTime(call: Call, clock: Clock): readonly [Call, () => void] {
  const mine = linked(call.signal);
  const ms = call.budget.timeLeft();
  const late = () => mine.abort(new GatewayError('deadline', `no answer within ${Math.round(ms)} ms`));
  const timer = clock.setTimeout(late, ms);
  return [fork(call, { signal: mine.signal }), () => clock.clearTimeout(timer)];
}

const ABOUT = { cached: 'coalesced', cost: () => 0 } as const;

const readerFor = (stream: SharedStream, { signal }: Call): Stream => stream.reader({ signal, about: ABOUT });

const asked = (stream: Stream, call: Call): Reply | Promise<Reply> =>
  call.request.value.stream === true ? stream : wholeOf(stream);

/** What a follower gets: it costs nothing. */
function given(
  reply: Landed,
  call: Call,
  told: FlightOptions['told'],
  reading: (call: Call, stream: Stream) => Stream,
): Reply | Promise<Reply> {
  if ('whole' in reply) {
    if (told && call.request.value.stream === true) return told(reply.whole, call);
    const ending = createEnding();
    ending.finish({ abandoned: false });
    return { ...reply.whole, ...ABOUT, ending };
  }
  return asked(reply.readers.get(call) ?? reading(call, readerFor(reply.stream, call)), call);
}

/** Reads it to its end, for what becomes of it. */
async function drained({ frames }: Stream): Promise<void> {
  try {
    for await (const _ of frames);
  } catch {
    // those who wait hear of it by themselves
  }
}

async function wholeOf({ frames, ...about }: Stream): Promise<Reply> {
  return { ...about, ...(await foldFrames(frames)) };
}
