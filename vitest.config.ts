import { defineConfig } from 'vitest/config'

// The private condition points every workspace import at `src`, so tests never run against a stale build.
const conditions = ['@tradewright/source', 'import', 'node', 'default']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    // What is packed is tested from the packed files: only after a build (`npm test` sets this).
    exclude: [
      '**/node_modules/**',
      'packages/*/dist/**',
      'dist/**',
      ...(process.env.TRADEWRIGHT_DIST ? [] : ['test/packed/**']),
    ],
    execArgv: ['--conditions=@tradewright/source'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    coverage: { provider: 'v8', include: ['src/**', 'packages/*/src/**'], reporter: ['text-summary', 'html'] },
  },
})
