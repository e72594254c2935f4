/**
 * Puts back what stood in for something else while a text was parsed: every text in `parsed` that begins with `mark` is
 * replaced, in place, by what `behind` makes of the rest of it. Returns the root.
 */
export function withoutMarks(parsed: unknown, mark: string, behind: (rest: string) => unknown): unknown {
  const root = [parsed];
  const open: object[] = [root];
  const look = (holder: object, key: string | number, value: unknown) => {
    if (typeof value === 'object' && value !== null) open.push(value);
    else if (typeof value === 'string' && value.startsWith(mark))
      // "__proto__" is a field like others here
      Object.defineProperty(holder, key, { value: behind(value.slice(mark.length)) });
  };
  for (let holder = open.pop(); holder; holder = open.pop()) {
    if (Array.isArray(holder)) for (let at = 0; at < holder.length; at++) look(holder, at, holder[at]);
    else for (const [key, value] of Object.entries(holder)) look(holder, key, value);
  }
  return root[0];
}
