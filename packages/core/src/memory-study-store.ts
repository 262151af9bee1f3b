import { TradewrightError } from './error.ts'
import type { StoredGeneration, StudyHeader, StudyStore } from './study-store.ts'

/**
 * A {@link StudyStore} in memory: gone with the process.
 *
 * @param options `copies`: keep and give copies, so that no caller can change what is stored; a study that owns its
 *   store does without. @default true
 */
export function memoryStudyStore(options: { readonly copies?: boolean | undefined } = {}): StudyStore {
  const { copies = true } = options
  const kept = <T>(value: T): T => (copies ? structuredClone(value) : value)
  const studies = new Map<string, { header: StudyHeader; generations: StoredGeneration[] }>()
  let closed = false
  const open = (): void => {
    if (closed) throw new TradewrightError('DISPOSED', 'a closed study store was used', { store: 'memory' })
  }
  const find = (study: string): { header: StudyHeader; generations: StoredGeneration[] } => {
    const found = studies.get(study)
    if (found === undefined) throw new TradewrightError('NOT_FOUND', `study '${study}' must exist`, { study })
    return found
  }
  return {
    name: 'memory',
    async load(study) {
      open()
      const found = studies.get(study)
      return found === undefined ? undefined : kept(found)
    },
    async create(header) {
      open()
      if (studies.has(header.name))
        throw new TradewrightError('DUPLICATE_NAME', `study '${header.name}' exists already`, { study: header.name })
      studies.set(header.name, { header: kept(header), generations: [] })
    },
    async append(study, generation) {
      open()
      const { generations } = find(study)
      if (generation.generation !== generations.length)
        throw new TradewrightError(
          'STUDY_CONFLICT',
          `the next generation of study '${study}' is ${generations.length}, was ${generation.generation}`,
          { study, expected: generations.length, generation: generation.generation },
        )
      generations.push(kept(generation))
    },
    async list() {
      open()
      return [...studies.keys()]
    },
    async delete(study) {
      open()
      studies.delete(study)
    },
    async [Symbol.asyncDispose]() {
      closed = true
      studies.clear()
    },
  }
}
