import { describe, expect, it } from 'vitest'
import { policyWords } from './retention'

describe('a policy in words', () => {
  it('is empty where nothing goes', () => {
    expect(policyWords({ zone: 'UTC' })).toEqual([])
    expect(policyWords({ classes: { manual: 'permanent' } })).toEqual([])
  })
  it('says how long classes stay, and what stays however old', () => {
    expect(policyWords({ classes: { threshold: '30d', manual: 'permanent' }, keep_daily: 7, keep_last: 3, zone: 'Europe/Berlin', max_snapshots: 10000 })).toEqual([
      'manual: kept for ever',
      'threshold: kept for 30d',
      'Kept however old: the newest 3 of a source; the newest of each of the last 7 days (calendar of Europe/Berlin)',
      'At most 10,000 of all sources together; the oldest go first',
    ])
  })
  it('says that only what a rule names stays, where no class ages', () => {
    expect(policyWords({ keep_hourly: -1, keep_yearly: 1, keep_within: '2d' })).toEqual(['Only these are kept: the newest of every hour; the newest of the last year; all from within 2d of the newest (calendar of UTC)'])
  })
})
