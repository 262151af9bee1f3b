import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, expect, it, vi } from 'vitest'
import { lendPool } from '../src/kept-pool.ts'
import { builtInModule } from '../src/task-protocol.ts'

const ping = { module: builtInModule, export: 'ping', data: undefined }

it('calls without a pool share one, which keeps no process alive', async () => {
  const program = fileURLToPath(new URL('kept-pool-program.ts', import.meta.url))
  const flags = ['--conditions=@tradewright/source', '--import', 'tsx']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program])
  const { before, threads, same, waited } = JSON.parse(stdout) as {
    readonly before: number
    readonly threads: number
    readonly same: boolean
    readonly waited: number
  }
  expect(same).toBe(true)
  expect([before, threads]).toEqual([0, 2])
  expect(waited).toBeLessThan(9000) // kept alive, it would end with its pool, after ten seconds
})

afterEach(() => {
  vi.useRealTimers()
})

it('lends the same pool until ten seconds after its last user, by number of workers', async () => {
  vi.useFakeTimers()
  const one = lendPool({ maxWorkers: 1 })
  const again = lendPool({ maxWorkers: 1 })
  const two = lendPool({ maxWorkers: 2 })
  expect(again.pool).toBe(one.pool)
  expect(two.pool).not.toBe(one.pool)
  await Promise.all([one.release(), again.release(), two.release()])
  vi.advanceTimersByTime(9999)
  const third = lendPool({ maxWorkers: 1 })
  expect(third.pool).toBe(one.pool)
  vi.advanceTimersByTime(60_000) // it is in use
  await third.release()
  vi.advanceTimersByTime(9999)
  await expect(one.pool.run(ping)).resolves.toBeDefined()
  vi.advanceTimersByTime(1)
  await expect(one.pool.run(ping)).rejects.toThrow('DISPOSED')
  const fresh = lendPool({ maxWorkers: 1 })
  expect(fresh.pool).not.toBe(one.pool)
  await fresh.release()
  vi.advanceTimersByTime(10_000)
  expect(() => lendPool({ maxWorkers: 0 })).toThrow('BAD_OPTION')
})
