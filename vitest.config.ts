import { defaultExclude, defineConfig } from 'vitest/config';

/** Of those end to end, what looks at no clock, or only at its own: two files at a time. */
const PATIENT = [
  'test/clients/*.test.ts',
  'test/e2e/{accounts,audit,audit-load,commands,hostile-history,idempotency,openai-sdk,publish,python-sdk}.test.ts',
  'test/e2e/{replay,self-hosted,soak,start,tenants,traps,workers}.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'test/architecture/*.test.ts', 'test/docs/*.test.ts'],
          testTimeout: 30_000,
        },
      },
      { test: { name: 'examples', include: ['examples/**/*.test.ts'], testTimeout: 30_000 } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts'],
          exclude: [...defaultExclude, ...PATIENT],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // after the others, and one file at a time: these start processes and look at the clock on the wall
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'held',
          include: ['test/contract/*.test.ts', 'test/security/*.test.ts', ...PATIENT],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
