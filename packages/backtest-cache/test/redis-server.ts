import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:net'

/** Why there is no server to test with, or undefined. */
export const noRedis: string | undefined =
  spawnSync('redis-server', ['--version']).status === 0
    ? undefined
    : 'redis-server is not installed (Debian: redis-server)'

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** A real server on a free loopback port. */
export interface RedisServer {
  readonly url: string
  /** Stops it by its process id. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Starts a server that keeps everything in memory. */
export async function startRedis(port?: number): Promise<RedisServer> {
  const chosen = port ?? (await freePort())
  const child: ChildProcess = spawn(
    'redis-server',
    ['--port', String(chosen), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.stdout?.on('data', (text: Buffer) => {
      if (/ready to accept connections/i.test(text.toString())) resolve()
    })
    void exited.then(() => reject(new Error('redis-server ended before it was ready')))
  })
  return {
    url: `redis://127.0.0.1:${chosen}`,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.pid !== undefined) process.kill(child.pid, signal)
      await exited
    },
  }
}
