// Triggers and cases. Needs a server whose rules watch a source that is ill: the demo without its index and with a session that
// blocks others.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, url } from './browser.mjs'
import { near, pixels, until } from './look.mjs'

let browser, page, problems

before(async () => {
  ;({ browser, page, problems } = await launch())
})
after(() => browser?.close())

async function api(path) {
  const answer = await fetch(`${url}/api/performance/${path}`)
  assert.equal(answer.status, 200, `${path} answers ${answer.status}`)
  return answer.json()
}

let opened // the case, as the API has it

test('a case stands in the list and is counted, with the unit of its metric', async () => {
  await page.goto(`${url}/cases`)
  await page.getByRole('heading', { name: 'Cases' }).waitFor()
  await until('a case', async () => (await api('cases?state=open')).cases.length > 0, 120000)
  opened = (await api('cases?state=open')).cases[0]
  const row = page.getByTestId('case-row').filter({ hasText: opened.case_id })
  await row.waitFor()
  await page.getByTestId('open-cases').getByText('1 open').waitFor()
  assert.equal(opened.unit, { INDEX_EFFICIENCY: '%', AVG_LATENCY_MS: 'ms', TIME_MS_PER_S: 'ms/s', HOTSPOT_SCORE: '', LOCK_WAIT_MS: 'ms', lock_chain: 's' }[opened.metric], `the unit of ${opened.metric}`)
  assert.match(await row.textContent(), /● open/)
  assert.match(await row.textContent(), new RegExp(`\\d ?${opened.unit}${opened.metric}`))
})

test('its filters stand in the address', async () => {
  await page.goto(`${url}/cases`)
  await page.getByTestId('case-row').first().waitFor()
  await page.getByLabel('Severity', { exact: true }).selectOption('low') // no rule of the demo opens such a case
  await page.waitForURL(/severity=low/)
  await page.getByText('No case fits these filters.').waitFor()
  await page.getByRole('button', { name: 'Clear' }).click()
  await page.getByTestId('case-row').first().waitFor()
})

test('tells what happened, draws the course and reads it point by point', async () => {
  await until('a course', async () => (await api(`cases/${opened.case_id}`)).points.length > 1, 120000) // a point a tick, and it begins with the case
  await page.goto(`${url}/cases`)
  await page.getByTestId('case-row').filter({ hasText: opened.case_id }).getByRole('link').first().click()
  const story = page.getByTestId('story')
  await story.getByText(`rule ${opened.rule} fired: ${opened.reason}`).waitFor()
  assert.match(await story.textContent(), new RegExp(`Peak.*${opened.metric} of .*\\d ?${opened.unit}`))
  const trigger = opened.snapshots.find((s) => s.role === 'trigger')
  assert.equal(await page.getByTestId('case-snapshots').getByRole('link', { name: trigger.snapshot_id }).count(), 1)
  const course = page.getByTestId('course')
  await until('the line of the course', async () => (await pixels(course, near(0x1463b3))) > 40)
  // The first point and the last are different moments of the same metric.
  const readout = page.getByTestId('readout')
  await page.getByTestId('moment').press('End')
  const last = await readout.locator('b').textContent()
  await page.getByTestId('moment').press('Home')
  await until('another moment', async () => (await readout.locator('b').textContent()) !== last)
  assert.match(page.url(), /at=/)
  const { points } = await api(`cases/${opened.case_id}`)
  assert.ok(points.length > 1, `the course has ${points.length} points`)
})

test('shows what each rule does, and what has fired', async () => {
  await page.goto(`${url}/triggers`)
  const { rules } = await api('triggers')
  await page.getByTestId('rule').first().waitFor()
  assert.equal(await page.getByTestId('rule').count(), rules.length)
  const fired = page.getByTestId('rule').filter({ hasText: 'bottleneck' }).first()
  assert.match(await fired.textContent(), /fired|cooling down|held back/)
  await page.getByTestId('firings').getByRole('row').filter({ hasText: opened.reason }).first().getByRole('link').click()
  await page.waitForURL(/\/snapshots\/snap_/)
  await page.getByTestId('case-link').waitFor()
})

test('tries the rules on what is stored, and writes nothing', async () => {
  const known = (await api('timeline')).snapshots.length
  await page.goto(`${url}/triggers`)
  await page.getByTestId('replay').click()
  const replayed = page.getByTestId('replayed')
  await replayed.waitFor()
  assert.match(page.url(), /test=yes/)
  const bottleneck = replayed.getByRole('row').filter({ hasText: 'bottleneck' }).first()
  assert.match(await bottleneck.textContent(), /once|times/, 'the rule that fired would not have fired')
  assert.ok(Number((await bottleneck.locator('td').last().textContent()).replaceAll(',', '')) >= 4, 'it looked at no snapshots')
  const now = (await api('timeline')).snapshots
  assert.ok(now.length === known || now.slice(known).every((s) => s.trigger_type !== 'manual'))
})

test('puts incidents on a lane of the timeline, and the keys go from one to the next', async () => {
  await page.goto(url)
  const strip = page.getByTestId('strip')
  await strip.focus()
  await page.keyboard.press('End')
  await page.keyboard.press('Shift+ArrowLeft')
  const id = (await page.getByTestId('strip-selected').getByRole('link').textContent()).trim()
  const { snapshots } = await api('timeline')
  assert.equal(snapshots.find((s) => s.snapshot_id === id)?.trigger_type, 'incident')
  await page.getByLabel('Trigger', { exact: true }).selectOption('incident')
  const incidents = snapshots.filter((s) => s.trigger_type === 'incident').length
  await page.getByTestId('strip-summary').getByText(/(\d+) fit the filters/).waitFor()
  await until('the list of the incidents', async () => {
    const rows = await page.getByTestId('row').allTextContents()
    return rows.length >= Math.min(50, incidents) && rows.every((text) => text.includes('incident'))
  })
})

test('a case is closed by hand, after a question', async () => {
  await page.goto(`${url}/cases/${opened.case_id}`)
  page.once('dialog', (d) => d.accept())
  await page.getByTestId('close-case').click()
  await page.getByText('✓ ended').waitFor({ timeout: 30000 })
  const closed = await api(`cases/${opened.case_id}`)
  assert.equal(closed.state, 'ended')
  assert.ok(closed.snapshots.some((s) => s.role === 'after'), 'no last snapshot was taken')
})

test('no error reached the console', () => {
  assert.deepEqual(problems, [])
})
