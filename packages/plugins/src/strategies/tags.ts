/** What is wrong with tags that an option names; `null` where they are all there, or that is not known. */
export function unknownTag(
  option: string,
  named: readonly string[],
  tags: readonly string[] | undefined,
): string | null {
  const strange = tags && named.find((name) => !tags.includes(name));
  if (strange === undefined) return null;
  return `${option}: no tag named "${strange}"; known: ${tags?.join(', ') || 'none, tags names them and where they come from'}`;
}
