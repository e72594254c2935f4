/** The dialects in which a gateway can be asked, for whoever serves them: each into chat completions and back. */

export { countTokens } from './dialects/anthropic/inbound/count.ts';
export { errorOf } from './dialects/anthropic/inbound/error.ts';
export { dialectHeaders } from './dialects/anthropic/inbound/headers.ts';
export { chatOfMessages } from './dialects/anthropic/inbound/request.ts';
export { messageOf } from './dialects/anthropic/inbound/response.ts';
export { createMessageEvents, eventBytes } from './dialects/anthropic/inbound/stream.ts';
export { ANTHROPIC_DIALECT } from './dialects/anthropic/stream.ts';
export { chatOfResponses } from './dialects/responses/inbound/request.ts';
export { responseOf } from './dialects/responses/inbound/response.ts';
export { createResponseEvents } from './dialects/responses/inbound/stream.ts';
export { RESPONSES_DIALECT } from './dialects/responses/stream.ts';
export { parseExact } from './json-exact.ts';
export { withoutMarks } from './json-marks.ts';
