export { isTradewrightError, TradewrightError } from '@tradewright/core'
