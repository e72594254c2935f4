import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { PAGE, tables, within } from './provider-tables.ts';

it('docs/providers.md says what the providers do; `node test/docs/provider-tables.ts --write` makes it so', () => {
  expect(within(readFileSync(PAGE, 'utf8'))).toBe(tables());
});
