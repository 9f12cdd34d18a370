import { describe, expect, it } from 'vitest'
import { age, elementName, factor, figure, nameOf, pairName, pinText, signed } from './format'

describe('figures', () => {
  it('never shows unknown as zero', () => {
    expect(figure(null, 'ms')).toBe('no data')
    expect(figure(undefined)).toBe('no data')
    expect(figure(Number.NaN)).toBe('no data')
    expect(figure(0, 'ms')).toBe('0 ms')
  })
  it('keeps three digits and the unit', () => {
    expect(figure(1200, 'ms')).toBe('1,200 ms')
    expect(figure(45.04, 'ms')).toBe('45.0 ms')
    expect(figure(0.0123)).toBe('0.012')
    expect(figure(43.1, '/s')).toBe('43.1/s')
  })
  it('shows at least double as a factor, less as percent', () => {
    expect(factor(45, 1200)).toBe('×26.7')
    expect(factor(100, 140)).toBe('+40 %')
    expect(factor(100, 60)).toBe('-40 %')
    expect(factor(0, 5)).toBe('')
    expect(factor(null, 5)).toBe('')
  })
  it('signs differences', () => {
    expect(signed(1155, 'ms')).toBe('+1,155 ms')
    expect(signed(-2)).toBe('-2.00')
  })
})

describe('names', () => {
  it('drops the label of a key', () => {
    expect(nameOf('sales.users:Table')).toBe('sales.users')
    expect(nameOf('odd')).toBe('odd')
    expect(pairName('users:Table', 'products:Table')).toBe('users → products')
    expect(pairName('users:Table', 'users:Table')).toBe('users')
    expect(elementName('users:Table-[AVG_LATENCY_MS]->products:Table')).toBe('users → products')
    expect(elementName('sales.users:Table')).toBe('sales.users')
  })
})

it('tells ages in the largest whole unit', () => {
  const now = Date.parse('2026-01-31T10:00:00Z')
  expect(age('2026-01-31T09:59:30Z', now)).toBe('30 s ago')
  expect(age('2026-01-31T07:59:30Z', now)).toBe('2 h ago')
  expect(age('2026-01-31T10:00:30Z', now)).toBe('0 s ago')
})

describe('pins', () => {
  it('say who, when and why', () => {
    expect(pinText({ actor: 'ann', note: 'the outage', at: '2026-01-31T09:00:00Z' })).toBe('pinned by ann on 2026-01-31 09:00:00 UTC: the outage')
    expect(pinText({ actor: '', note: '', at: '2026-01-31T09:00:00Z' })).toBe('pinned by nobody named on 2026-01-31 09:00:00 UTC')
  })
})
