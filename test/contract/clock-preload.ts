import { readFileSync } from 'node:fs';

/* Loaded into a gateway before it starts: its clocks run ahead by what stands in a file, read anew at each SIGUSR2. */

const file = process.env['CLOCK_FILE'] ?? '';
const wall = Date.now.bind(Date);
const monotonic = performance.now.bind(performance);
const read = () => Number(readFileSync(file, 'utf8')) * 1000;
let aheadMs = read();

Date.now = () => wall() + aheadMs;
performance.now = () => monotonic() + aheadMs;
process.on('SIGUSR2', () => {
  aheadMs = read();
});
