/** What the load generator is asked to do. */
export interface Job {
  readonly port: number;
  readonly key: string;
  readonly model: string;
  readonly stream: boolean;
  readonly connections: number;
  readonly seconds: number;
  /** Requests per second at a constant rate; without it each connection asks again when it is answered. */
  readonly rate?: number;
  readonly headers?: string;
  readonly same?: boolean;
  /** Of the request's body. */
  readonly bytes?: number;
  /** Content events of a stream, where they differ from the usual number. */
  readonly events?: number;
  /** Fifty of them a second, as a model speaks; default: as fast as each can be a segment of its own. */
  readonly spoken?: boolean;
}

/** What became of it. Waits are milliseconds: to the end of a reply, or to the first content of a stream. */
export interface Outcome {
  readonly ok: number;
  /** Answers other than 2xx by status; 0 is no answer at all. */
  readonly refused: Readonly<Record<string, number>>;
  /** Answers that ended early. */
  readonly broken: number;
  readonly seconds: number;
  /** Pieces in which streams arrived. */
  readonly pieces: number;
  readonly p50: number;
  readonly p99: number;
}
