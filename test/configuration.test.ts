import { createBars, isTradewrightError, type TradewrightError } from '@tradewright/core'
import { describe, expect, it } from 'vitest'
import { resolveConfiguration } from '../src/configuration.ts'
import type { SystemOptions } from '../src/system-options.ts'

const dataSource = {
  name: 'none',
  load: async () => createBars({ timestamp: [], open: [], high: [], low: [], close: [], volume: [] }),
}

/** The error that an ill-formed configuration gets. */
function refusal(options: Record<string, unknown>): TradewrightError {
  try {
    resolveConfiguration({ dataSource, ...options } as SystemOptions)
  } catch (error) {
    if (isTradewrightError(error)) return error
    throw error
  }
  throw new Error('the configuration was accepted')
}

describe('configuration', () => {
  it('fills in the documented defaults, also for an explicit undefined', () => {
    const config = resolveConfiguration({
      dataSource,
      training: { trials: undefined },
      computationalOptimization: { caching: { cacheTtl: '30m' } },
    })
    expect(config.training).toEqual({
      trials: 200,
      objective: 'sharpe',
      seed: 0,
      validation: { holdout: 0.3 },
      simulation: {},
      concurrency: 1,
    })
    expect(config.computationalOptimization).toEqual({
      caching: {
        enabled: true,
        maxCacheSize: 1000,
        cacheTtl: '30m',
        disk: { directory: '.tradewright/cache', maxBytes: 2 * 1024 ** 3 },
        admission: 'cost',
      },
      parallelization: { enabled: true, chunkSize: 1000 },
      incrementalTraining: { enabled: true, approximate: false },
      earlyStopping: { enabled: true },
      progressiveEvaluation: {
        stages: [
          [0.1, 0.3],
          [0.3, 0.5],
          [1, 1],
        ],
        threshold: -0.5,
      },
      adaptiveSampling: { enabled: true },
      replayBuffers: {},
      profiling: { enabled: true },
    })
  })

  it.each([
    [{ trainig: {} }, 'trainig', 'training'],
    [{ training: { trails: 3 } }, 'training.trails', 'training.trials'],
    [{ training: { validation: { holdOut: 0.2 } } }, 'training.validation.holdOut', 'training.validation.holdout'],
    [
      { computationalOptimization: { cacheing: {} } },
      'computationalOptimization.cacheing',
      'computationalOptimization.caching',
    ],
    [
      { computationalOptimization: { caching: { maxCachSize: 1 } } },
      'computationalOptimization.caching.maxCachSize',
      'computationalOptimization.caching.maxCacheSize',
    ],
    [
      { computationalOptimization: { caching: { disk: { dir: 'x' } } } },
      'computationalOptimization.caching.disk.dir',
      'computationalOptimization.caching.disk.directory',
    ],
  ])('refuses an unknown key with the nearest valid one: %j', (options, name, nearest) => {
    const { code, details, message } = refusal(options)
    expect(code).toBe('UNKNOWN_NAME')
    expect(details).toMatchObject({ name, nearest })
    expect(message).toContain(`was '${name}'; did you mean '${nearest}'?`)
  })

  it.each(['memoryManagement', 'dataStreaming', 'monitoring'])('says that %s is not available yet', (name) => {
    const { code, message } = refusal({ computationalOptimization: { [name]: { enabled: true } } })
    expect(code).toBe('NOT_AVAILABLE')
    expect(message).toBe(
      `[NOT_AVAILABLE] configuration 'computationalOptimization.${name}' is not available yet; leave it out`,
    )
  })

  it.each([
    [{ training: { trials: 0 } }, 'training.trials must be a whole number of at least 1, was 0'],
    [{ training: { trials: '200' } }, "training.trials must be a whole number of at least 1, was '200'"],
    [{ training: { validation: { holdout: 1 } } }, 'training.validation.holdout must be a number from 0 to 0.9, was 1'],
    [{ training: 5 }, 'training must be an object, was 5'],
    [{ dataSource: 'prices.csv' }, "dataSource must be a data source: an object with load(request), was 'prices.csv'"],
    [
      { computationalOptimization: { caching: { enabled: 'yes' } } },
      "computationalOptimization.caching.enabled must be true or false, was 'yes'",
    ],
    [
      { computationalOptimization: { caching: { cacheTtl: '5 days' } } },
      "computationalOptimization.caching.cacheTtl must be seconds above 0, or a time as '30m', was '5 days'",
    ],
    [
      { computationalOptimization: { progressiveEvaluation: { stages: [[0.5, 1]] } } },
      'computationalOptimization.progressiveEvaluation.stages must be a list of [share of the data, weight], ascending to a share of 1, was a list',
    ],
    [
      { computationalOptimization: { caching: { disk: true } } },
      'computationalOptimization.caching.disk must be false or an object, was true',
    ],
  ])('refuses %j', (options, text) => {
    expect(refusal(options).message).toBe(`[BAD_OPTION] ${text}`)
  })

  it('takes a near miss of a coming section as that section', () => {
    const { code, message } = refusal({ computationalOptimization: { dataStreeming: {} } })
    expect(code).toBe('NOT_AVAILABLE')
    expect(message).toContain("'dataStreaming'")
  })
})
