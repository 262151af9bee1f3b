import type { Params, Space } from '@tradewright/core'

/**
 * A check of parameters that costs little where they are good: one pass over the names of a flat space of numbers.
 * Whatever that pass does not clear goes to `space.check`, which knows every rule and says what is wrong.
 */
export function createParamsCheck<P>(space: Space<P>): (params: P) => void {
  const { shape, where } = space
  const names = Object.keys(shape)
  const low = new Float64Array(names.length)
  const high = new Float64Array(names.length)
  const whole = new Uint8Array(names.length)
  let simple = true
  names.forEach((name, k) => {
    const spec = shape[name]
    if (spec.kind === 'int' && spec.step === 1) whole[k] = 1
    else if (spec.kind !== 'float' || spec.step !== 0) simple = false
    if (spec.kind === 'int' || spec.kind === 'float') {
      low[k] = spec.low
      high[k] = spec.high
    }
  })
  const cleared = (params: Params): boolean => {
    let given = 0
    for (const _ in params) given++
    if (given !== names.length) return false
    for (let k = 0; k < names.length; k++) {
      const value = params[names[k]]
      if (typeof value !== 'number' || !(value >= low[k] && value <= high[k])) return false
      if (whole[k] === 1 && Math.floor(value) !== value) return false
    }
    return true
  }
  return (params) => {
    const clear = simple && typeof params === 'object' && params !== null && cleared(params as Params)
    if (!clear || (where !== undefined && !where(params))) space.check(params as Params)
  }
}
