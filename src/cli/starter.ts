import { createRng } from '@tradewright/core'

/** A file of the starter: path inside the folder, and text. */
export interface StarterFile {
  readonly path: string
  readonly text: string
}

/** What {@link starterFiles} fills in. */
export interface StarterOptions {
  /** Name of the npm package. */
  readonly name: string
  /** Dependencies by name: versions, or `file:` paths of packed tarballs. */
  readonly dependencies: Readonly<Record<string, string>>
}

const BARS = 1500
const SEED = 7

/** A geometric random walk with slow waves, so that a trend follower has something to find, as CSV. */
function generateBars(): string {
  const rng = createRng(SEED)
  const lines = ['date,open,high,low,close,volume']
  let close = 100
  let day = Date.UTC(2020, 0, 1)
  for (let i = 0; i < BARS; i++) {
    const open = close
    const drift = 0.0004 + 0.0022 * Math.sin((2 * Math.PI * i) / 220)
    close = open * Math.exp(drift + 0.018 * rng.normal())
    const high = Math.max(open, close) * (1 + 0.006 * rng.uniform())
    const low = Math.min(open, close) * (1 - 0.006 * rng.uniform())
    const volume = Math.round(1e6 * (0.5 + rng.uniform()))
    const prices = [open, high, low, close].map((price) => price.toFixed(4))
    lines.push([new Date(day).toISOString().slice(0, 10), ...prices, volume].join(','))
    day += 86_400_000
  }
  return `${lines.join('\n')}\n`
}

const STRATEGY = `import { defineStrategy, float, int, ta } from 'tradewright'

/** Long while the fast average is above the slow one; out at the stop. */
export const smaCross = defineStrategy({
  name: 'sma-cross',
  params: { fast: int(5, 50), slow: int(20, 200), stop: float(0.02, 0.15) },
  where: ({ fast, slow }) => fast < slow,
  signals: ({ close }, { fast, slow }) => ({
    entry: ta.sma(close, fast).crossesAbove(ta.sma(close, slow)),
    exit: ta.sma(close, fast).crossesBelow(ta.sma(close, slow)),
  }),
  simulate: (_columns, { stop }) => ({ stopLoss: stop }),
})
`

const README = `# A Tradewright starter

\`\`\`
npm install
npm start
\`\`\`

\`npm start\` searches the parameters of \`strategy.ts\` on \`data/DEMO-1d.csv\`, validates the best on the newest 30 % of
the bars, which the search never sees, and writes \`report.html\` and \`best.strategy.json\`, which a bot loads.

- \`strategy.ts\`: your strategy. Change the signals, the parameters and their ranges.
- \`data/DEMO-1d.csv\`: ${BARS} bars of a random walk with slow waves, made from seed ${SEED}. **They are no market**: put your
  own bars beside them as \`<symbol>-<timeframe>.csv\` and name them in \`package.json\` with \`--symbol\`.
- \`npm run backtest\`: one run with the parameters in \`package.json\`.
- \`npx tradewright --help\`: every command and flag.
`

function manifest({ name, dependencies }: StarterOptions): string {
  const market = '--strategy strategy.ts --data data --symbol DEMO --calendar crypto'
  return `${JSON.stringify(
    {
      name,
      version: '0.0.0',
      private: true,
      type: 'module',
      scripts: {
        start: `tradewright optimize ${market} --trials 200 --out report.html --save best.strategy.json`,
        backtest: `tradewright backtest ${market} --params "{\\"fast\\":10,\\"slow\\":50,\\"stop\\":0.05}"`,
        doctor: 'tradewright doctor',
      },
      dependencies,
    },
    undefined,
    2,
  )}\n`
}

/** The files of a new project: a strategy, bars made from a seed, and what runs it. */
export function starterFiles(options: StarterOptions): readonly StarterFile[] {
  return [
    { path: 'package.json', text: manifest(options) },
    { path: 'strategy.ts', text: STRATEGY },
    { path: 'README.md', text: README },
    { path: '.gitignore', text: 'node_modules/\n.tradewright/\nreport.html\n' },
    { path: 'data/DEMO-1d.csv', text: generateBars() },
  ]
}
