/* Preloaded into a gateway under test: at SIGUSR2 it collects garbage and prints what the process still holds. */
declare const gc: () => void;

process.on('SIGUSR2', () => {
  gc();
  const active = process.getActiveResourcesInfo();
  const count = (name: string) => active.filter((resource) => resource.startsWith(name)).length;
  const held = {
    heap: process.memoryUsage().heapUsed,
    rss: process.memoryUsage.rss(),
    sockets: count('TCP'),
    timers: count('Timeout'),
  };
  process.stdout.write(`held ${JSON.stringify(held)}\n`);
});
