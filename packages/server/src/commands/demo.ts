import { show } from '../demo/show.ts';

const NEXT = `
Next: npx inferbridge start, or see what an outage would do to a configuration of your own:
      npx inferbridge simulate --scenario examples/routing/outage.yaml
`;

/** `inferbridge demo`: fallback to be looked at, without any key. Exit code 1 where a client saw an error. */
export async function demoCommand({
  quick = false,
}: {
  readonly quick?: boolean | undefined;
}): Promise<number> {
  const failed = await show({
    print: (line) => void process.stdout.write(`${line}\n`),
    pace: quick ? 0.2 : 1,
  });
  process.stdout.write(NEXT);
  return failed > 0 ? 1 : 0;
}
