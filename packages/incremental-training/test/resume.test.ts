import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FeatureMatrix, inlineTaskPool, type TaskPool } from '@tradewright/core'
import { afterAll, describe, expect, it } from 'vitest'
import { fileCheckpoints, fitResumable, loadSymbols, logisticRegression, trainSymbols } from '../src/index.ts'

const folders: string[] = []
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'resume-'))
  folders.push(made)
  return made
}
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true, force: true })
})

/** Runs train-killed.ts; kills it for good once a checkpoint is on the disk. */
function run(directory: string, kind: string, rounds: number, kill: boolean): Promise<string> {
  const script = fileURLToPath(new URL('train-killed.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    ['--conditions=@tradewright/source', '--import', 'tsx', script, directory, kind, String(rounds)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let text = ''
  return new Promise((resolve) => {
    child.stdout.on('data', (chunk) => {
      text += chunk
      if (kill && readdirSync(directory).some((file) => file.endsWith('.checkpoint'))) child.kill('SIGKILL')
    })
    child.once('close', () => resolve(text))
  })
}

describe('a training killed with kill -9', () => {
  it.each([
    ['online', 1500],
    ['trees', 500],
  ] as const)('ends with the same model to the bit: %s', async (kind, rounds) => {
    const whole = /model (\w+)/.exec(await run(folder(), kind, rounds, false))?.[1]
    expect(whole).toHaveLength(32)
    const directory = folder()
    const first = await run(directory, kind, rounds, true)
    expect(first).not.toContain('model')
    const last = await run(directory, kind, rounds, false)
    const [, resumed, model] = /resumed (\d+) model (\w+)/.exec(last) ?? []
    expect(Number(resumed)).toBeGreaterThan(0)
    expect(Number(last.split('\n')[0])).toBe(Number(resumed) + 1)
    expect(model).toBe(whole)
  })
})

describe('fitResumable', () => {
  const data = Float32Array.from({ length: 80 }, (_, i) => Math.sin(i * 7))
  const X: FeatureMatrix = { names: ['a', 'b'], data, rows: 40, columns: 2 }
  const y = Float32Array.from({ length: 40 }, (_, i) => (data[2 * i] > 0 ? 1 : 0))

  it('goes on only with the same data and parameters', async () => {
    const checkpoints = fileCheckpoints({ directory: folder(), newest: 9 })
    const fit = async (rounds: number, targets: Float32Array, of?: string) => {
      const model = logisticRegression({ solver: 'online', rounds })
      const { resumedAt } = await fitResumable(model, X, targets, { checkpoints, everyRounds: 3, ...(of && { of }) })
      const cold = logisticRegression({ solver: 'online', rounds })
      await cold.fit(X, targets)
      expect(model.save()).toEqual(cold.save())
      return resumedAt
    }
    expect(await fit(7, y)).toBeUndefined()
    expect((await checkpoints.list()).at(-1)?.step).toBe(7)
    expect(await fit(20, y)).toBe(7)
    expect(await fit(20, y)).toBe(20)
    expect(await fit(20, y, 'other parameters')).toBeUndefined()
    const other = y.slice()
    other[0] = 1 - other[0]
    expect(await fit(20, other)).toBeUndefined()
  })
})

describe('trainSymbols', () => {
  const module = fileURLToPath(new URL('symbol-tasks.mjs', import.meta.url))
  const read = async (symbols: readonly string[], directory: string) => {
    const states: Record<string, unknown> = {}
    for await (const { symbol, state } of loadSymbols(symbols, { directory })) states[symbol] = state
    return states
  }

  it('trains and keeps each, passes over one that fails, and skips what is there when called again', async () => {
    const directory = folder()
    const log = join(folder(), 'log')
    const symbols = ['ETH/USDT', 'BTC', 'é', 'ETH-2f-USDT']
    const task = { module, export: 'train', options: { log, fail: 'BTC' } }
    const told: string[] = []
    const outcomes = await trainSymbols(symbols, task, { directory, onSymbol: ({ status }) => told.push(status) })
    expect(told).toEqual(['trained', 'failed', 'trained', 'trained'])
    expect(outcomes[1]).toMatchObject({ symbol: 'BTC', error: { message: expect.stringContaining('no bars of BTC') } })
    expect(await read(symbols, directory)).toEqual({
      'ETH/USDT': { symbol: 'ETH/USDT', weights: new Float32Array(3000).fill(8) },
      BTC: undefined,
      é: { symbol: 'é', weights: new Float32Array(3000).fill(1) },
      'ETH-2f-USDT': { symbol: 'ETH-2f-USDT', weights: new Float32Array(3000).fill(11) },
    })
    const again = await trainSymbols(symbols, task, { directory })
    expect(again.map(({ status }) => status)).toEqual(['kept', 'failed', 'kept', 'kept'])
    expect(readFileSync(log, 'utf8').trim().split('\n')).toEqual([...symbols, 'BTC'])
    const newer = await trainSymbols(symbols, { ...task, version: '2' }, { directory })
    expect(newer.map(({ status }) => status)).toEqual(['trained', 'failed', 'trained', 'trained'])
  })

  it('trains again what was damaged, and what was asked with other options', async () => {
    const directory = folder()
    const task = (size: number) => ({ module, export: 'train', options: { size } })
    await trainSymbols(['A', 'B'], task(2000), { directory })
    const [file] = readdirSync(directory).filter((name) => name.includes('symbol-A'))
    truncateSync(join(directory, file), 500)
    const statuses = async (size: number) =>
      (await trainSymbols(['A', 'B'], task(size), { directory })).map(({ status }) => status)
    expect(await statuses(2000)).toEqual(['trained', 'kept'])
    expect(await statuses(2001)).toEqual(['trained', 'trained'])
  })

  it('asks the pool for a process with a limit, and closes a pool of its own after each symbol', async () => {
    const asked: unknown[] = []
    let closed = 0
    const pool = (): TaskPool & AsyncDisposable => ({
      size: 1,
      run(task) {
        asked.push([task.isolation, task.maxBytes, closed])
        return inlineTaskPool().run(task)
      },
      async [Symbol.asyncDispose]() {
        closed++
      },
    })
    const options = { directory: folder(), tasks: pool, maxBytes: 1e9 }
    await trainSymbols(['A', 'B'], { module, export: 'train', options: { fail: 'A' } }, options)
    expect(asked).toEqual([
      ['process', 1e9, 0],
      ['process', 1e9, 1],
    ])
    expect(closed).toBe(2)
  })

  it('stops when told to, and refuses bad input', async () => {
    const directory = folder()
    const controller = new AbortController()
    const task = { module, export: 'train' }
    const training = trainSymbols(
      ['A', 'B', 'C'],
      { ...task, options: {} },
      {
        directory,
        signal: controller.signal,
        onSymbol: ({ symbol }) => symbol === 'B' && controller.abort(new Error('enough')),
      },
    )
    await expect(training).rejects.toThrow('enough')
    expect(Object.values(await read(['A', 'B', 'C'], directory)).map((state) => state !== undefined)).toEqual([
      true,
      true,
      false,
    ])
    await expect(trainSymbols(['A', 'A'], task, { directory })).rejects.toMatchObject({ code: 'DUPLICATE_NAME' })
    await expect(trainSymbols([''], task, { directory })).rejects.toMatchObject({ code: 'BAD_OPTION' })
    await expect(trainSymbols(['A'], task, { directory, task: 1 } as never)).rejects.toMatchObject({
      code: 'UNKNOWN_NAME',
    })
    await expect(trainSymbols(['A'], task, { directory: join(module, 'x') })).rejects.toMatchObject({ code: 'IO' })
    expect(await trainSymbols([], task, { directory })).toEqual([])
    const [outcome] = await trainSymbols(['A'], { module, export: 'none', options: { x: 1 } }, { directory })
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'TASK_FAILED' } })
  })
})
