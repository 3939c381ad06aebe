/** How much larger or smaller the result is: `4.1 % smaller`, `12 % larger`, `same size`; empty where there was nothing. */
export function formatGrowth(before: number, after: number): string {
  if (before <= 0) return ''
  const percent = (Math.abs(after - before) / before) * 100
  if (percent < 0.05) return 'same size'
  return `${percent.toFixed(percent < 9.95 ? 1 : 0)} % ${after < before ? 'smaller' : 'larger'}`
}
