/* Preloaded into a gateway under test: from SIGUSR2 on it does nothing but reckon for five seconds, 400 ms at a time. */
const BUSY_MS = 400;
const FOR_MS = 5_000;

process.on('SIGUSR2', () => {
  const until = performance.now() + FOR_MS;
  const reckon = () => {
    const over = performance.now() + BUSY_MS;
    while (performance.now() < over);
    if (performance.now() < until) setTimeout(reckon, 0);
  };
  reckon();
});
