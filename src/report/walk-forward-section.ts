import type { Params } from '@tradewright/core'
import type { WalkForwardValidation } from '../training-result.ts'
import { escapeHtml } from './markup.ts'
import { formatNumber, formatParam, formatPercent, formatTime } from './number-format.ts'

/** What choosing parameters by search would have brought, stretch by stretch. */
export function renderWalkForward(walk: WalkForwardValidation, objective: string): string {
  const head = [
    'fold',
    'searched from',
    'tried from',
    'to',
    'best parameters',
    `${objective} there`,
    `${objective} after`,
    'return after',
  ]
  const rows = walk.folds.map((fold) => {
    const times = [fold.trainFrom, fold.testFrom, fold.testTo].map((time) => `<td>${formatTime(time)}</td>`).join('')
    const rest =
      fold.status === 'done'
        ? `<td class="params">${escapeHtml(formatParam(fold.params as Params))}</td><td>${formatNumber(fold.value, 3)}</td><td>${formatNumber(fold.testValue, 3)}</td><td>${formatPercent(fold.test.totalReturn)}</td>`
        : `<td class="params" colspan="4">${escapeHtml(fold.error.message)}</td>`
    return `<tr><th scope="row">${fold.fold + 1}</th>${times}${rest}</tr>`
  })
  return `<h3>Walk-forward</h3><p>Searched anew on each stretch and tried on the one after it: mean ${escapeHtml(objective)} ${formatNumber(walk.value, 3)} where it was searched, ${formatNumber(walk.testValue, 3)} after; efficiency ${formatNumber(walk.efficiency)}.</p>
<div class="scroll"><table><thead><tr>${head.map((text, i) => `<th scope="col"${i === 0 ? ' class="left"' : ''}>${escapeHtml(text)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}
