// Drives the real viewer of a running server (GRAPHSNAP_URL) in a real browser. A canvas can be blank without any error,
// so its pixels are looked at.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PNG } from 'pngjs'
import { launch, url } from './browser.mjs'

let browser, page, problems

before(async () => {
  ;({ browser, page, problems } = await launch())
})
after(() => browser?.close())

/** Counts the pixels of an element that differ from its most frequent colour, and how many colours there are. */
async function ink(locator) {
  const png = PNG.sync.read(await locator.screenshot())
  const counts = new Map()
  for (let i = 0; i < png.data.length; i += 4) {
    const color = (png.data[i] << 16) | (png.data[i + 1] << 8) | png.data[i + 2]
    counts.set(color, (counts.get(color) ?? 0) + 1)
  }
  const most = Math.max(...counts.values())
  return { drawn: png.data.length / 4 - most, colors: counts.size }
}

async function drawn(locator) {
  await locator.waitFor()
  let found = { drawn: 0, colors: 0 }
  for (let i = 0; i < 50 && (found.drawn < 3000 || found.colors < 20); i++) {
    await page.waitForTimeout(100)
    found = await ink(locator)
  }
  assert.ok(found.drawn >= 3000 && found.colors >= 20, `the canvas is blank or nearly so: ${JSON.stringify(found)}`)
}

const ids = async () => (await (await fetch(`${url}/api/performance/snapshots?limit=1000`)).json()).snapshots.map((s) => s.snapshot_id)

async function captureBy(press) {
  const before = await ids()
  await press()
  await page.getByTestId('toast').getByRole('link').waitFor({ timeout: 30000 })
  const fresh = (await ids()).filter((id) => !before.includes(id))
  assert.equal(fresh.length, 1)
  assert.equal(await page.getByTestId('toast').getByRole('link').textContent(), fresh[0])
  await page.getByText(fresh[0]).first().waitFor()
  await page.getByRole('button', { name: 'Close' }).click()
  return fresh[0]
}

test('captures by button and by Ctrl+Shift+S, and the list follows', async () => {
  await page.goto(url)
  const first = await captureBy(() => page.getByTestId('capture').click())
  const second = await captureBy(() => page.keyboard.press('Control+Shift+S'))
  await page.waitForFunction((id) => document.querySelector('[data-testid=row]')?.textContent?.includes(id), second)
  assert.notEqual(first, second)
})

test('filters stand in the address and hold after a reload', async () => {
  await page.goto(url)
  await page.getByLabel('Search', { exact: true }).fill('no such snapshot')
  await page.getByText('No snapshot fits these filters.').waitFor()
  assert.match(page.url(), /q=no/)
  await page.reload()
  await page.getByText('No snapshot fits these filters.').waitFor()
  await page.getByRole('button', { name: 'Clear' }).click()
  await page.getByTestId('row').first().waitFor()
})

test('draws the graph of a snapshot and explains what is chosen', async () => {
  await page.goto(url)
  await page.getByTestId('row').first().getByRole('link').click()
  await drawn(page.getByTestId('graph'))
  await page.getByRole('tab', { name: 'table' }).click()
  const pairs = page.getByTestId('pair')
  await pairs.first().waitFor()
  assert.ok((await pairs.count()) >= 10, 'the table shows fewer than ten pairs')
  await pairs.first().getByRole('button').click()
  await page.getByTestId('inspector').getByText('AVG_LATENCY_MS').waitFor()
})

let comparison = '' // the address of the two snapshots around the dropped index

test('compares two chosen snapshots in a ranked table and a coloured map', async () => {
  // The two that the caller took before and after it dropped the index.
  const [before, after] = ['_with_the_index', '_without_the_index']
  await page.goto(url)
  for (const text of [after, before]) await page.getByTestId('row').filter({ hasText: text }).first().getByRole('checkbox').check()
  await page.getByTestId('compare').click()
  const first = page.getByTestId('ranked').first()
  await first.waitFor()
  comparison = new URL(page.url()).pathname
  assert.match(await first.textContent(), /users → products/)
  assert.match(await first.textContent(), /▲ [\d.,]+ → [\d.,]+/)
  await drawn(page.getByTestId('graph'))
  // Orange is "more": the line of the pair that got slower must be there in its colour.
  const png = PNG.sync.read(await page.getByTestId('graph').screenshot())
  let orange = 0
  for (let i = 0; i < png.data.length; i += 4) if (png.data[i] > 200 && png.data[i + 1] > 90 && png.data[i + 1] < 140 && png.data[i + 2] < 60) orange++
  assert.ok(orange > 200, `only ${orange} pixels are orange`)
})

test('lists structure apart from metrics, filtered by what stands in the address', async () => {
  await page.goto(`${url}${comparison}?aspect=structure`)
  await page.getByTestId('change').first().waitFor()
  const structure = await page.getByTestId('change').allTextContents()
  assert.ok(!structure.some((t) => t.includes('AVG_LATENCY_MS')), 'a metric stands among the structure')
  await page.getByRole('tab', { name: /^Metrics/ }).click()
  await page.getByLabel('Type', { exact: true }).selectOption('AVG_LATENCY_MS')
  await page.getByLabel('Smallest change, percent').fill('100')
  await page.waitForURL(/aspect=metric.*type=AVG_LATENCY_MS.*min=100/)
  await page.reload()
  await page.getByTestId('change').filter({ hasText: 'users → products' }).waitFor()
  for (const text of await page.getByTestId('change').allTextContents()) assert.match(text, /AVG_LATENCY_MS/)
})

test('shows the evidence, exports by keyboard and brings the file back', async () => {
  await page.goto(`${url}/snapshots/latest`)
  await page.getByTestId('graph').waitFor()
  await page.locator('summary', { hasText: 'read' }).press('Enter')
  await page.getByRole('group', { name: 'Evidence' }).getByText('root hash').waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('e')
  await page.getByLabel('Compression').selectOption('zstd')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('download').press('Enter')])
  assert.match(download.suggestedFilename(), /^snap_.*\.json\.zst$/)
  const file = await download.path()
  await page.keyboard.press('Escape')
  assert.match(page.url(), /snapshots/, 'Escape closed more than the menu')
  await page.goto(url)
  await page.getByTestId('import').setInputFiles(file)
  await page.getByTestId('imported').getByText('0 imported, 1 there already').waitFor()
})

test('verifies everything by a button', async () => {
  await page.goto(`${url}/connections`)
  await page.getByTestId('verify').click()
  await page.getByTestId('verified').getByText('clean').waitFor({ timeout: 60000 })
})

test('says plainly what does not exist', async () => {
  await page.goto(`${url}/snapshots/snap_20000101_000000_none`)
  await page.getByRole('heading', { name: 'Not found' }).waitFor()
  await page.getByText('there is no snapshot').waitFor()
  // The browser itself reports the 404 of that request; that one is wanted.
  const wanted = problems.findIndex((p) => p.includes('404'))
  if (wanted >= 0) problems.splice(wanted, 1)
})

test('shows every part on the page of connections', async () => {
  await page.goto(`${url}/connections`)
  await page.getByText('Source shop').waitFor()
  assert.equal(await page.getByText('✓ ok').count(), 3)
})

test('no error reached the console', () => {
  assert.deepEqual(problems, [])
})
