// The report in a real browser: nothing from the network, values under the pointer, light and dark.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { IndicatorStoreStats, Space } from '@tradewright/core'
import { type Browser, chromium, type Page } from 'playwright-core'
import {
  createOptimizedTrainingSystem,
  createStudy,
  defineSpace,
  defineStrategy,
  float,
  int,
  memoryDataSource,
  renderReport,
  reportOf,
  type TrainingResult,
  ta,
  writeReport,
} from 'tradewright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { heatMapOf } from '../src/report/heat-map.ts'
import { insightOf } from '../src/report/insight-data.ts'
import { renderLineChart } from '../src/report/line-chart.ts'
import { formatBytes, formatDuration, formatNumber, formatPercent } from '../src/report/number-format.ts'
import { roundTicks, timeTicks } from '../src/report/scale.ts'
import { walk } from './market.ts'
import { smaCross } from './strategies.ts'

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const folder = await mkdtemp(join(tmpdir(), 'tradewright-report-'))
const file = join(folder, 'report.html')
const results: TrainingResult<unknown>[] = []

const hostile = defineStrategy({
  name: '<img src=x onerror=alert(1)>"&',
  params: { n: int(2, 40) },
  signals: ({ close }, { n }) => ({ long: close.gt(ta.sma(close, n)) }),
})

let indicators: IndicatorStoreStats

beforeAll(async () => {
  const system = await createOptimizedTrainingSystem({
    dataSource: memoryDataSource([walk(900), walk(500, 4, 'OTHER')]),
    training: { trials: 60, sampler: { type: 'random' } },
    computationalOptimization: { caching: { disk: false, admission: 'all' } },
  })
  const { trainingManager } = system
  results.push(await trainingManager.executeOptimizedTraining({ strategy: smaCross, symbol: 'WALK' }))
  results.push(await trainingManager.executeOptimizedTraining({ strategy: smaCross, symbol: 'WALK' }))
  results.push(await trainingManager.executeOptimizedTraining({ strategy: hostile, symbols: ['WALK', 'OTHER'] }))
  const stats = trainingManager.getOptimizationStats()
  indicators = stats.indicators
  await writeReport(file, results, { title: 'A test', stats })
  await system.close()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the data of a report', () => {
  it('has the curves of the validation, one part after the other', () => {
    const { studies } = reportOf(results, { generatedAt: 0 })
    const [{ curves, trials, metrics }] = studies
    expect(curves[0].split).toBe(630)
    const end = (values: ArrayLike<number>, i: number): number => values[i]
    expect(end(curves[0].strategy, 629)).toBeCloseTo(1 + (metrics.inSample.totalReturn ?? 0), 10)
    expect(end(curves[0].strategy, 899)).toBeCloseTo(
      (1 + (metrics.inSample.totalReturn ?? 0)) * (1 + (metrics.heldOut?.totalReturn ?? 0)),
      10,
    )
    expect(trials).toHaveLength(60)
    expect(trials[5].metrics?.sharpe).toBe(trials[5].value)
  })

  it('has a heat map whose cells hold the mean of their trials', () => {
    const { studies } = reportOf(results, { generatedAt: 0 })
    const map = heatMapOf(studies[0].trials)
    expect(map?.count.flat().reduce((a, b) => a + b)).toBe(60)
    const sum = map?.mean.flat().reduce((total, mean, i) => total + (mean || 0) * (map?.count.flat()[i] ?? 0), 0)
    const all = studies[0].trials.reduce((total, { value }) => total + value, 0)
    expect(sum).toBeCloseTo(all, 9)
    expect(heatMapOf(studies[2].trials)).toBeUndefined()
  })
})

describe('the insight of a report', () => {
  /** A search whose objective is its first parameter, a tenth of its second and nothing of its third. */
  const planted = async (trials: number) => {
    const space = defineSpace({ a: float(0, 1), b: float(0, 1), c: float(0, 1) })
    const study = createStudy({ space, sampler: { type: 'random' }, seed: 3, directions: ['maximize'] })
    const { trials: made } = await study.optimize(({ params }) => params.a + params.b / 10, { trials })
    return { ...results[0], space: space as unknown as Space, trials: made }
  }

  it('ranks the parameters by what they explain, and follows the strongest', async () => {
    const insight = insightOf(await planted(200))
    expect(insight?.parameters.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    expect(insight?.parameters[0].overall).toBeGreaterThan(0.9)
    expect(insight?.parameters[0].amongBest).toBeGreaterThan(0.7)
    const means = insight?.parameters[0].dependence?.means ?? []
    expect(means[means.length - 1] - means[0]).toBeGreaterThan(0.8)
    expect(insight?.contour?.names).toEqual(['a', 'b'])
    expect(insight?.coordinates.rows).toHaveLength(200)
  })

  it('looks at no more than 2,000 trials, and is left out where there is nothing to see', async () => {
    expect(insightOf(await planted(9))).toBeUndefined()
    const many = await planted(40)
    const trials = Array.from({ length: 5000 }, (_, i) => many.trials[i % 40])
    expect(insightOf({ ...many, trials })?.trials).toBe(1667)
    const flat = many.trials.map((trial) => ({ ...trial, values: [1] }))
    expect(insightOf({ ...many, trials: flat })).toBeUndefined()
  })
})

describe('a line chart', () => {
  it('thins its points, and keeps every peak and trough of its last line', () => {
    const values = Float64Array.from({ length: 20_000 }, (_, i) => Math.sin(i / 900))
    values[7777] = -3
    values[15_001] = 4
    const { hover } = renderLineChart({
      id: 'x',
      title: 'x',
      unit: 'x',
      time: values.map((_, i) => i * 60_000),
      lines: [{ name: 'x', style: 'strategy', values }],
      format: String,
    })
    expect(hover.x.length).toBeLessThan(910)
    expect(hover.lines[0].text).toContain('-3')
    expect(hover.lines[0].text).toContain('4')
    expect([...hover.x].sort((a, b) => a - b)).toEqual(hover.x)
    expect(hover.labels[0]).toBe('1970-01-01 00:00')
  })
})

describe('the report as a file', () => {
  it('asks nothing of the network, and lets no name into its markup', async () => {
    const html = await readFile(file, 'utf8')
    expect(html).toContain("default-src 'none'")
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/\//)
    expect(html).not.toContain('<img')
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;')
  })

  it('is the same for the same data', () => {
    const data = reportOf(results, { generatedAt: 5 })
    expect(renderReport(data)).toBe(renderReport(data))
  })
})

describe.skipIf(executable === undefined)('the report in a browser (chromium, where it is installed)', () => {
  let browser: Browser
  let page: Page
  const problems: string[] = []
  const requests: string[] = []

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executable ?? '',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    })
    page = await browser.newPage({ viewport: { width: 1200, height: 900 }, colorScheme: 'light' })
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('console', (message) => problems.push(message.text()))
    page.on('request', (request) => requests.push(request.url()))
    await page.goto(pathToFileURL(file).href)
  })
  afterAll(() => browser?.close())

  it('loads without an error and without a request', () => {
    expect(problems).toEqual([])
    expect(requests).toEqual([pathToFileURL(file).href])
  })

  it('shows every strategy with its charts, tables and costs', async () => {
    expect(await page.locator('section[id^=study-]').count()).toBe(3)
    expect(await page.locator('[data-chart]').count()).toBe(8) // equity and drawdown of each symbol
    expect(await page.locator('figure.heat').count()).toBe(2)
    expect(await page.getByRole('table').count()).toBe(4)
    for (const kind of ['importance', 'coordinates', 'contour'])
      expect(await page.locator(`figure.${kind}`).count()).toBe(2)
    expect(await page.locator('figure.slice').count()).toBe(2 * results[0].space.dimensions.length)
    expect(await page.getByText('Time per optimizer').isVisible()).toBe(true)
    expect(await page.locator('.bars').last().textContent()).toMatch(/result-cache[\s\S]*engine/)
    expect(await page.getByText('look-ups').isVisible()).toBe(true)
    const { hits, misses, columns } = indicators
    expect(hits).toBeGreaterThan(0)
    const tiles = await page.locator('h3:text-is("Indicators") + .tiles .tile').allTextContents()
    expect(tiles[0]).toBe(`${hits.toLocaleString('en-US')}columns read, ${misses.toLocaleString('en-US')} computed`)
    expect(tiles[1]).toMatch(/^[\d.]+ ?(ms|s|us|µs)of computing indicators saved$/)
    expect(tiles[2]).toBe(`${columns.toLocaleString('en-US')}columns held`)
  })

  it('shows the values under the pointer, and by the arrow keys', async () => {
    const chart = page.locator('[data-chart] svg[role=img]').first()
    await chart.scrollIntoViewIfNeeded()
    const box = await chart.boundingBox()
    if (box === null) throw new Error('the chart has no place')
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5)
    const tip = page.locator('.tip')
    expect(await tip.textContent()).toMatch(/^\d{4}-\d\d-\d\dbuy and hold\d+\.\d\dstrategy, best parameters\d/)
    await page.mouse.move(2, 2)
    expect(await tip.isHidden()).toBe(true)
    await chart.focus()
    await page.keyboard.press('End')
    const curves = results[0].validation.bySymbol[0].strategy
    const day = new Date(curves.heldOut?.timestamp.at(-1) ?? 0).toISOString().slice(0, 10)
    expect(await tip.textContent()).toContain(day)
    await page.keyboard.press('Escape')
    expect(await tip.isHidden()).toBe(true)
  })

  it('keeps its text readable in light and in dark (contrast of at least 4.5)', async () => {
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme })
      const ratios = await page.evaluate(() => {
        const style = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
        const light = (hex: string): number => {
          const digits = hex.length === 4 ? [...hex.slice(1)].map((d) => d + d) : (hex.slice(1).match(/../g) ?? [])
          const [r, g, b] = digits
            .map((d) => Number.parseInt(d, 16) / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
          return 0.2126 * r + 0.7152 * g + 0.0722 * b
        }
        return [
          ['--text', '--card'],
          ['--muted', '--card'],
          ['--muted', '--bg'],
          ['--blue', '--card'],
          ['--orange', '--card'],
          ['--red', '--card'],
          ['--warn', '--warn-bg'],
          ['--good', '--good-bg'],
        ].map(([front, back]) => {
          const [a, b] = [light(style(front)), light(style(back))].sort((x, y) => y - x)
          return (a + 0.05) / (b + 0.05)
        })
      })
      for (const ratio of ratios) expect(ratio).toBeGreaterThanOrEqual(4.5)
    }
  })

  it('changes between light and dark at the button, and fits a narrow screen', async () => {
    await page.emulateMedia({ colorScheme: 'light' })
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const before = await background()
    await page.getByRole('button', { name: 'Light / dark' }).click()
    expect(await background()).not.toBe(before)
    await page.setViewportSize({ width: 390, height: 800 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
  })
})

describe('numbers in words', () => {
  it('are short and honest', () => {
    expect(formatPercent(0.1234)).toBe('12.3 %')
    expect(formatPercent(-0.5)).toBe('−50.0 %')
    expect(formatPercent(Number.NaN)).toBe('–')
    expect(formatNumber(Number.POSITIVE_INFINITY)).toBe('∞')
    expect([0.2, 12, 3400, 125_000, 3_780_000].map(formatDuration)).toEqual([
      '< 1 ms',
      '12 ms',
      '3.4 s',
      '2 min 5 s',
      '1 h 3 min',
    ])
    expect([512, 1536, 2 * 1024 ** 3].map(formatBytes)).toEqual(['512 B', '1.5 KiB', '2.0 GiB'])
  })

  it('stand on round ticks', () => {
    expect(roundTicks(0.13, 2.2, 5)).toEqual([0.5, 1, 1.5, 2])
    expect(roundTicks(-0.6, 0, 3)).toEqual([-0.6, -0.4, -0.2, 0])
    const years = timeTicks(Date.UTC(2000, 0, 3), Date.UTC(2020, 3, 17), 9).map(({ label }) => label)
    expect(years).toEqual(['2001', '2004', '2007', '2010', '2013', '2016', '2019'])
    const days = timeTicks(Date.UTC(2024, 0, 1), Date.UTC(2024, 0, 9), 9).map(({ label }) => label)
    expect(days[0]).toBe('01-01')
  })
})
