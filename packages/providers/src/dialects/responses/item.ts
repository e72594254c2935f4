/** One item of an input or an output, as the wire spells it. Source: openai 7.55.0, resources/responses (read 2026-11-20). */
export type Item = Record<string, unknown>;
