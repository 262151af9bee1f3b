import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { lendPool } from '../src/kept-pool.ts'

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

it('lends the same pool until it is closed, by number of workers', async () => {
  const one = lendPool({ maxWorkers: 1 })
  const again = lendPool({ maxWorkers: 1 })
  const two = lendPool({ maxWorkers: 2 })
  expect(again.pool).toBe(one.pool)
  expect(two.pool).not.toBe(one.pool)
  await Promise.all([one.release(), again.release(), two.release()])
  expect(lendPool({ maxWorkers: 1 }).pool).toBe(one.pool)
  expect(() => lendPool({ maxWorkers: 0 })).toThrow('BAD_OPTION')
})
