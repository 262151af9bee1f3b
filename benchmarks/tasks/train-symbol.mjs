// Trains one symbol: its features are large, its model is small.
import { gradientBoosting } from '@tradewright/incremental-training'
import { features, walk } from './market-features.mjs'

/** @param kept where everything stays reachable, for the comparison. */
export async function trainSymbol({ symbol, options }, _context, kept) {
  const { X, y } = features(walk(options.bars, symbol.length + symbol.charCodeAt(0)), { columns: options.columns })
  const model = gradientBoosting({ objective: 'binary', rounds: options.rounds, maxDepth: 4 })
  await model.fit(X, y)
  kept?.push({ X, y, model })
  return model.save()
}
