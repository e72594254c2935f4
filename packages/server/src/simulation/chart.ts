import type { Slice, Summary } from './summary.ts';

const WIDTH = 960;
const PLOT = { left: 60, right: 20, height: 160, gap: 56, top: 40 } as const;
/** Told apart also by those who do not see all colours (Okabe and Ito). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442', '#999999'];

/** Who served, who failed and how long the first content took, over time: three plots above each other, as SVG. */
export function chartSvg({ over_time: slices, providers, seed, requests }: Summary): string {
  const names = Object.keys(providers);
  const minutes = (slices.at(-1)?.from ?? 0) / 60_000 + (slices[1]?.from ?? 0) / 60_000;
  const most = Math.max(1, ...slices.map((slice) => slice.requests));
  const slowest = Math.max(1, ...slices.map((slice) => slice.first_content_p95_ms ?? 0));
  const height = PLOT.top + 3 * (PLOT.height + PLOT.gap);
  const plots = [
    plot(
      0,
      `requests served, by provider (and not served), of ${requests}`,
      String(most),
      minutes,
      bars(slices, names, most),
    ),
    plot(
      1,
      'success, percent',
      '100',
      minutes,
      line(slices, (slice) => (slice.requests > 0 ? slice.succeeded / slice.requests : null), '#009e73'),
    ),
    plot(
      2,
      'first content, p95, milliseconds',
      String(slowest),
      minutes,
      line(slices, ({ first_content_p95_ms: p95 }) => (p95 === null ? null : p95 / slowest), '#0072b2'),
    ),
  ];
  const legend = names
    .map(
      (name, index) =>
        `<rect x="${PLOT.left + index * 110}" y="8" width="12" height="12" fill="${colour(index)}"/><text x="${PLOT.left + 16 + index * 110}" y="18">${escaped(name)}</text>`,
    )
    .join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="a simulation, seed ${seed}">
<rect width="100%" height="100%" fill="#ffffff"/>
${legend}
${plots.join('\n')}
</svg>
`;
}

const colour = (index: number): string => COLOURS[index % COLOURS.length] ?? '#000000';
const escaped = (text: string): string => text.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const inner = WIDTH - PLOT.left - PLOT.right;

function plot(place: number, title: string, top: string, minutes: number, content: string): string {
  const y = PLOT.top + place * (PLOT.height + PLOT.gap);
  return `<g transform="translate(${PLOT.left} ${y})">
<text x="0" y="-6">${escaped(title)}</text>
<text x="-8" y="10" text-anchor="end">${top}</text><text x="-8" y="${PLOT.height}" text-anchor="end">0</text>
<path d="M0 0V${PLOT.height}H${inner}" fill="none" stroke="#444444"/>
${content}
<text x="0" y="${PLOT.height + 16}">0 min</text><text x="${inner}" y="${PLOT.height + 16}" text-anchor="end">${round(minutes)} min</text>
</g>`;
}

function bars(slices: readonly Slice[], names: readonly string[], most: number): string {
  const width = inner / Math.max(1, slices.length);
  return slices
    .flatMap((slice, at) => {
      let y = PLOT.height;
      const bar = (count: number, fill: string): string[] => {
        if (count === 0) return [];
        const tall = (count / most) * PLOT.height;
        y -= tall;
        return [
          `<rect x="${round(at * width)}" y="${round(y)}" width="${round(width - 1)}" height="${round(tall)}" fill="${fill}"/>`,
        ];
      };
      return [
        ...names.flatMap((name, index) => bar(slice.served[name] ?? 0, colour(index))),
        ...bar(slice.requests - slice.succeeded, '#222222'),
      ];
    })
    .join('');
}

function line(slices: readonly Slice[], of: (slice: Slice) => number | null, stroke: string): string {
  const width = inner / Math.max(1, slices.length);
  const points = slices.flatMap((slice, at) => {
    const value = of(slice);
    return value === null ? [] : [`${round((at + 0.5) * width)},${round((1 - value) * PLOT.height)}`];
  });
  return `<polyline points="${points.join(' ')}" fill="none" stroke="${stroke}" stroke-width="2"/>`;
}

const round = (value: number): string => String(Math.round(value * 10) / 10);
