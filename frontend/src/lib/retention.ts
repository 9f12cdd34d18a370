import type { RetentionPolicy } from '../api/client'

const periods = [
  ['keep_hourly', 'hour'],
  ['keep_daily', 'day'],
  ['keep_weekly', 'week'],
  ['keep_monthly', 'month'],
  ['keep_yearly', 'year'],
] as const

/** A policy in sentences; none where it removes nothing. */
export function policyWords(p: RetentionPolicy): string[] {
  const classes = Object.entries(p.classes ?? {}).sort(([a], [b]) => a.localeCompare(b))
  const aging = classes.filter(([, span]) => span !== 'permanent')
  const keep: string[] = []
  if (p.keep_last) keep.push(p.keep_last < 0 ? 'all of a source' : `the newest ${p.keep_last} of a source`)
  for (const [key, unit] of periods) {
    const n = p[key]
    if (n) keep.push(n < 0 ? `the newest of every ${unit}` : n === 1 ? `the newest of the last ${unit}` : `the newest of each of the last ${n} ${unit}s`)
  }
  if (p.keep_within) keep.push(`all from within ${p.keep_within} of the newest`)
  if (aging.length === 0 && keep.length === 0 && !p.max_snapshots) return []
  const words = classes.map(([name, span]) => (span === 'permanent' ? `${name}: kept for ever` : `${name}: kept for ${span}`))
  if (keep.length > 0) words.push(`${aging.length > 0 ? 'Kept however old' : 'Only these are kept'}: ${keep.join('; ')}${periods.some(([k]) => p[k]) ? ` (calendar of ${p.zone || 'UTC'})` : ''}`)
  if (p.max_snapshots) words.push(`At most ${p.max_snapshots.toLocaleString('en-US')} of all sources together; the oldest go first`)
  return words
}
