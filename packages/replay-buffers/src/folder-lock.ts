import * as nodeFs from 'node:fs'
import { join } from 'node:path'
import { TradewrightError } from '@tradewright/core'

interface Holder {
  readonly pid: number
  /** When the process began, as the system tells it; empty where it does not. */
  readonly began: string
  /** The lock's own path: a copy of a folder in use is not in use. */
  readonly path: string
}

/** Folders that this copy of the module holds: where processes do not say when they began, this tells one from the next. */
const held = new Set<string>()

/** The boot and the clock tick at which a process began: two processes with one number differ in it. */
function beganOf(pid: number): string {
  try {
    const boot = nodeFs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = nodeFs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may hold anything: the rest follows the last bracket.
    return `${boot}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return ''
  }
}

function lives(holder: Holder, path: string): boolean {
  if (holder.path !== path) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const began = beganOf(holder.pid)
  if (holder.began !== '' && began !== '') return holder.began === began
  return holder.pid !== process.pid || held.has(path)
}

function readHolder(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(nodeFs.readFileSync(path, 'utf8')) as Partial<Holder>
    if (Number.isInteger(holder.pid))
      return { pid: Number(holder.pid), began: String(holder.began ?? ''), path: String(holder.path ?? '') }
  } catch {
    // Gone meanwhile, or torn: its writer died within a write of a few bytes.
  }
  return undefined
}

/**
 * Takes a folder for one buffer; a dead process's hold is taken over.
 *
 * @returns what gives the folder back.
 * @throws TradewrightError `BAD_OPTION` where a living process, or another buffer of this one, has it; `IO`.
 */
export function lockFolder(folder: string): () => void {
  const path = join(nodeFs.realpathSync(folder), 'lock')
  for (let tries = 0; ; tries++) {
    try {
      const text = JSON.stringify({ pid: process.pid, began: beganOf(process.pid), path } satisfies Holder)
      nodeFs.writeFileSync(path, text, { flag: 'wx' })
      held.add(path)
      return () => {
        held.delete(path)
        nodeFs.rmSync(path, { force: true })
      }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST' || tries === 3)
        throw new TradewrightError('IO', `locking ${folder} failed: ${String(cause)}`, { folder }, { cause })
    }
    const holder = readHolder(path)
    if (holder !== undefined && lives(holder, path))
      throw new TradewrightError(
        'BAD_OPTION',
        `a folder must belong to one open buffer, ${folder} belongs to one of process ${holder.pid}: close that first`,
        { folder, pid: holder.pid },
      )
    nodeFs.rmSync(path, { force: true })
  }
}
