// The writers of rows as source text: made of a layout's numbers and JSON-quoted names alone.
import { arrayConstructor, integerRange } from './dtype.ts'
import type { Field, Layout } from './layout.ts'

/** Up to so many numbers a field is copied without a loop. */
const UNROLL = 32

/** A test that a scalar is exact, as source. */
function scalarTest(field: Field, x: string): string {
  switch (field.dtype) {
    case 'int32':
      return `(typeof ${x} === 'number' && ${x} === (${x} | 0))`
    case 'uint32':
      return `(typeof ${x} === 'number' && ${x} === (${x} >>> 0))`
    case 'int8':
    case 'int16':
    case 'uint8':
    case 'uint16': {
      const [min, max] = integerRange(field.dtype) ?? [0, 0]
      return `(typeof ${x} === 'number' && ${x} === (${x} | 0) && ${x} >= ${min} && ${x} <= ${max})`
    }
    default:
      return `(typeof ${x} === 'number' && ${x} - ${x} === 0)`
  }
}

/** The sum of a list of terms as a balanced tree, so that the additions overlap. */
function balanced(terms: readonly string[]): string {
  if (terms.length === 1) return terms[0]
  const half = terms.length >> 1
  return `(${balanced(terms.slice(0, half))} + ${balanced(terms.slice(half))})`
}

/** Source lines that read field `i` into a local and leave by `otherwise` where it is not of the exact form. */
function formLines(field: Field, i: number, otherwise: string): string[] {
  const x = `c${i}`
  const read = `const ${x} = t[${JSON.stringify(field.name)}]`
  if (field.scalar) return [read, `if (!${scalarTest(field, x)}) ${otherwise}`]
  const Kind = arrayConstructor(field.dtype).name
  return [read, `if (!(${x} instanceof ${Kind}) || ${x}.length !== ${field.size}) ${otherwise}`]
}

/** Source lines that leave by `otherwise` where field `i`, an array of floats, holds NaN or infinity. */
function finiteLines(field: Field, i: number, otherwise: string): string[] {
  const x = `c${i}`
  const lines: string[] = []
  if (field.scalar || integerRange(field.dtype) !== undefined) return lines
  // A sum is finite where all its terms are. Where it is not, the plain form looks at each: a sum may overflow.
  if (field.size <= UNROLL) {
    const terms = Array.from({ length: field.size }, (_, j) => `${x}[${j}]`)
    lines.push(`const s${i} = ${balanced(terms)}`)
  } else {
    // Four sums that do not wait for one another.
    const whole = field.size - (field.size % 4)
    const four = [0, 1, 2, 3].map((k) => `s${i}_${k} += ${x}[j + ${k}]`).join('; ')
    lines.push(
      `let s${i}_0 = 0, s${i}_1 = 0, s${i}_2 = 0, s${i}_3 = 0`,
      `for (let j = 0; j < ${whole}; j += 4) { ${four} }`,
    )
    lines.push(`let s${i} = s${i}_0 + s${i}_1 + s${i}_2 + s${i}_3`)
    for (let j = whole; j < field.size; j++) lines.push(`s${i} += ${x}[${j}]`)
  }
  lines.push(`if (s${i} - s${i} !== 0) ${otherwise}`)
  return lines
}

/** Source lines that read all fields and leave by `otherwise` where one is not as it must be. */
export function checkLines(fields: readonly Field[], finite: boolean, otherwise: string): string[] {
  return [
    ...fields.flatMap((field, i) => formLines(field, i, otherwise)),
    // Last, next to the copies: what was loaded for the sums is not loaded again.
    ...(finite ? fields.flatMap((field, i) => finiteLines(field, i, otherwise)) : []),
  ]
}

/** Source lines that store field `i` at element `index` of `array`, both given as source. */
export function storeLines(field: Field, i: number, index: string, array: string): string[] {
  const x = `c${i}`
  const lines = [`const o${i} = ${index}`, `const a${i} = ${array}`]
  if (field.scalar) lines.push(`a${i}[o${i}] = ${x}`)
  else if (field.size <= UNROLL) for (let j = 0; j < field.size; j++) lines.push(`a${i}[o${i} + ${j}] = ${x}[${j}]`)
  else if (field.bytes < 1024) lines.push(`for (let j = 0; j < ${field.size}; j++) a${i}[o${i} + j] = ${x}[j]`)
  else lines.push(`a${i}.set(${x}, o${i})`)
  return lines
}

/** Whether every field is stored as it is given, under its column's name: then its writer can be generated. */
export function isPlainLayout(layout: Layout, fields: readonly Field[]): boolean {
  const names = new Set(layout.columns.map((column) => column.name))
  return fields.every((field) => field.pack === undefined && names.has(field.name))
}
