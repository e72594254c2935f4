/* What stands in for the missing halves of a conversation, in every dialect the same. */

/** Before the words of a tool message that answers no call. */
export const UNCALLED = 'A tool that nobody called answered:';
/** The result of a call that has none. */
export const NO_RESULT = 'no result';
