import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import type { PassThrough } from 'node:stream'
import type { Page } from 'playwright-core'
import { MuttrError } from '../../src/base/errors.ts'
import type { LinkStep } from '../../src/client/client.ts'
import { readCode } from '../support/browser.ts'
import { fakePassphrase, nothingMade } from '../support/fake-house.ts'
import { fakeCode } from '../support/fake-link.ts'
import type { PageClient } from '../support/page-client.ts'
import { openHouse } from '../support/page-house.ts'
import { createPagePod } from '../support/page-net.ts'
import { createPageStage, heading, type PageStage, press } from '../support/page-stage.ts'

describe("a person's devices on the web page, in Chromium", function () {
  this.timeout(240_000)
  let stage: PageStage

  before(async () => {
    stage = await createPageStage()
  })
  after(() => stage?.[Symbol.asyncDispose]())

  const minuteMs = 60_000
  const phone = { device: 'ef'.repeat(32), name: 'phone', peer: '12D3KooWNew', sinceMs: Date.now() }
  const code = (): LinkStep => ({
    type: 'code',
    code: fakeCode,
    untilMs: Date.now() + 10 * minuteMs
  })
  const row = (page: Page, name: string) => page.getByRole('listitem').filter({ hasText: name })

  /** Proves, and has a session begin. */
  async function begin(page: Page, client: PageClient): Promise<PassThrough> {
    const link = client.nextLink()
    await page.getByLabel('Your passphrase').fill(fakePassphrase)
    await press(page, 'Show the code')
    return await link
  }

  it('lists them, renames this one, and takes another off the list after a question', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    await page.getByText('Lunch on Thursday?').first().waitFor()
    await page.keyboard.press('g')
    await page.keyboard.press(',')
    await heading(page, 'Devices').waitFor()
    await row(page, 'laptop').getByText('Lacks 2 entries of what was done here.').waitFor()
    await row(page, 'laptop').getByText('Last heard 1 minute ago.').waitFor()
    await row(page, 'laptop').getByText('BBBB BBBB BBBB BBBB').waitFor()
    await row(page, 'desk').getByText('This device').waitFor()
    await row(page, 'old phone').getByText('Taken off the list 8 days ago.').waitFor()
    assert.equal(await page.getByRole('button', { name: /^Revoke/ }).count(), 1)
    assert.deepEqual(await stage.flaws(page), [])
    await heading(page, 'Devices').scrollIntoViewIfNeeded()
    await tab.shot('devices')

    await press(page, 'Rename')
    await page.getByLabel('Name of this device').fill('taken')
    await press(page, 'Save the name')
    await page.getByText('Another device is called taken.').waitFor()
    await page.getByLabel('Name of this device').fill('tower')
    await page.keyboard.press('Enter')
    await row(page, 'tower').getByText('This device').waitFor()

    await press(page, 'Revoke laptop')
    await heading(page, 'Take this device off the list?').waitFor()
    await tab.shot('devices-revoke')
    assert.deepEqual(await stage.flaws(page), [])
    await press(page, 'Keep it')
    await press(page, 'Revoke laptop')
    await press(page, 'Revoke it')
    await row(page, 'laptop').getByText('Taken off the list just now.').waitFor()
    const said = client.calls.filter(([name]) => /Device$/.test(`${name}`))
    assert.deepEqual(said, [
      ['renameDevice', 'taken'],
      ['renameDevice', 'tower'],
      ['revokeDevice', 'bb'.repeat(32)]
    ])
    assert.deepEqual(tab.complaints, [])
  })

  it('shows anew what another device has told', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    await tab.to('#/settings')
    await row(page, 'laptop').getByText('Lacks 2 entries').waitFor()
    client.own[1]!.lacks = 0
    client.emit({ type: 'mirrored', device: client.own[1]!.key })
    await row(page, 'laptop').getByText('Has everything that was done here').waitFor()
    client.own[1]!.revokedMs = Date.now()
    client.emit({ type: 'device-revoked', device: client.own[1]!.key })
    await row(page, 'laptop').getByText('Taken off the list just now.').waitFor()
    await page.getByRole('link', { name: 'Contacts' }).click()
    await page.getByText('dora.lindqvist').first().waitFor()
    client.people.splice(
      client.people.findIndex(({ alias }) => alias.startsWith('dora')),
      1
    )
    client.emit({ type: 'mirrored', device: client.own[1]!.key })
    await page.getByText('dora.lindqvist').first().waitFor({ state: 'detached' })
  })

  it('links a new one: passphrase, code, who came, how far it is, and the end', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    await tab.to('#/settings')
    await press(page, 'Link a new device')
    await page.getByLabel('Your passphrase').fill('guess')
    await press(page, 'Show the code')
    await page.getByText('does not open the vault').waitFor()
    assert.equal(client.calls.filter(([name]) => name === 'linkDevice').length, 0)
    const first = await begin(page, client)
    first.write(code())
    await page.locator('.link-code').getByText(fakeCode).waitFor()
    const picture = await page.getByRole('img', { name: 'The code as a QR code' }).screenshot()
    assert.equal(await readCode(tab, picture), fakeCode)
    await page.getByText(/until \d\d:\d\d\./).waitFor()
    assert.deepEqual(await stage.flaws(page), [])
    first.write({ type: 'refused', left: 2 })
    await page.getByText('2 tries left').waitFor()
    await tab.shot('link-code')
    first.write({ type: 'came', ...phone })
    await page.getByText('came with the code').waitFor()
    first.write({ type: 'sent', rows: 1_200, bytes: 3_400_000 })
    await page.getByText('1,200 rows, 3.2 MiB so far').waitFor()
    await tab.shot('link-progress')
    assert.deepEqual(await stage.flaws(page), [])
    client.own.push({
      ...{ key: phone.device, name: 'phone', peer: phone.peer, own: false, lacks: 0 },
      ...{ sinceMs: Date.now(), heardMs: null, revokedMs: null }
    })
    first.end({ type: 'linked', ...phone })
    await page.getByText('is your device now.').waitFor()
    await press(page, 'Done')
    await row(page, 'Not heard yet.').getByText('phone').waitFor()

    await press(page, 'Link a new device')
    await page.getByLabel('With my letters and drafts').uncheck()
    const second = await begin(page, client)
    const hint = 'Begin again, with the new device alone.'
    second.destroy(new MuttrError('LINK_REFUSED', 'three came with a wrong code', { hint }))
    await page.getByText('Three came with a wrong code.').waitFor()
    await page.getByText(hint).waitFor()
    await press(page, 'Begin again')
    const third = await begin(page, client)
    third.write(code())
    await page.locator('.link-code').waitFor()
    const over = once(third, 'error')
    await page.keyboard.press('Escape')
    assert.equal((await over)[0].name, 'AbortError')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.deepEqual(
      client.calls.filter(([name]) => name === 'linkDevice').map(([, history]) => history),
      [true, false, false]
    )
    assert.deepEqual(tab.complaints, [])
  })

  it('takes a new key, says which devices get it too, and how far it has come', async () => {
    await using tab = await stage.open()
    const { page, client } = tab
    await tab.to('#/settings')
    const get = page.getByText('These devices get the new key, too')
    await get.waitFor()
    for (const { name, own, revokedMs } of client.own)
      assert.equal((await get.textContent())?.includes(name), !own && revokedMs === null, name)
    const take = page.getByRole('button', { name: 'Take a new key' })
    await take.click()
    await heading(page, 'Take a new key?').waitFor()
    await tab.shot('new-key-question')
    assert.deepEqual(await stage.flaws(page), [])
    await press(page, 'Keep this one')
    assert.equal(client.moved.length, 0)
    await take.click()
    await page.getByRole('dialog').getByRole('button', { name: 'Take a new key' }).click()
    await page.getByText('one.test has given your addresses to the new key.').waitFor()
    await page.getByText('two.test has not yet').waitFor()
    await heading(page, 'A new key').scrollIntoViewIfNeeded()
    await tab.shot('new-key')
    assert.deepEqual(await stage.flaws(page), [])
    const [moved] = client.moved
    for (const pod of moved!.pods) Object.assign(pod, { taken: true, problem: null })
    moved!.eraseMs = Date.now() + 114 * 1_440 * minuteMs
    client.emit({ type: 'handed-over', pod: 'two.test', fingerprint: 'cd'.repeat(20) })
    await page.getByText('two.test has given your addresses').waitFor()
    await page.getByText('then its secrets are erased').waitFor()
    assert.deepEqual(tab.complaints, [])
  })

  for (const look of [{ dark: true }, { width: 390, height: 800 }])
    it(`is without a flaw ${look.dark ? 'in the dark' : 'on a phone'}`, async () => {
      await using tab = await stage.open(look)
      const { page, client } = tab
      const name = look.dark ? 'dark' : 'phone'
      const check = async (what: string) => {
        await tab.shot(`${what}-${name}`)
        assert.equal(await stage.tooWidePx(page), 0, what)
        assert.deepEqual(await stage.flaws(page), [], what)
      }
      await client.succeedKey()
      await page.getByRole('link', { name: 'Settings' }).click()
      await row(page, 'laptop').getByText('Last heard').scrollIntoViewIfNeeded()
      await check('devices')
      await press(page, 'Link a new device')
      await check('link-proof')
      const link = await begin(page, client)
      link.write(code())
      await page.getByRole('img', { name: 'The code as a QR code' }).waitFor()
      link.write({ type: 'refused', left: 1 })
      await page.getByText('1 try left').waitFor()
      await check('link-code')
      link.end({ type: 'linked', ...phone })
      await page.getByText('is your device now.').waitFor()
      await check('linked')
    })

  it('makes a new computer one of them, on the first day there', async () => {
    await using tab = await stage.open({ setup: nothingMade, width: 390, height: 800 })
    const { page, house } = tab
    await press(page, 'I have another device')
    await page.getByLabel('The code').fill('muttr-guess')
    await page.getByLabel('Name of this device').fill('phone')
    await page.getByLabel('A passphrase').fill(fakePassphrase)
    await page.getByLabel('Once more').fill(fakePassphrase)
    await press(page, 'Link this computer')
    await page.getByText('This is no code of a device.').waitFor()
    await tab.shot('first-device-phone')
    assert.equal(await stage.tooWidePx(page), 0)
    assert.deepEqual(await stage.flaws(page), [])
    await page.getByLabel('The code').fill(` ${fakeCode}\n`)
    await page.getByLabel('With my letters and drafts').uncheck()
    await press(page, 'Link this computer')
    await page.getByText('1,234 rows so far').waitFor()
    await press(page, 'Cancel')
    await page.getByText('Cancelled.').waitFor()
    await page.getByLabel('With my letters and drafts').check()
    await press(page, 'Link this computer')
    await heading(page, 'Inbox').waitFor()
    assert.deepEqual(house.calls.slice(1), [
      ['joinDevice', fakeCode, 'phone', false],
      ['cancelled'],
      ['joinDevice', fakeCode, 'phone', true]
    ])
    assert.deepEqual(tab.complaints, [])
  })

  it('links two computers over a real network, from page to page', async () => {
    await using pod = await createPagePod()
    await using alice = await pod.join('alice')
    await alice.client.saveDraft({ to: 'bob@two.test', subject: 'Not finished', body: 'Dear Bob' })
    await using first = await stage.openOn(alice.client, 'alice@one.test')
    await using second = await openHouse(stage, join(pod.folder, 'second'))
    const shown = async () => {
      await press(first.page, 'Link a new device')
      await first.page.getByLabel('Your passphrase').fill(fakePassphrase)
      await press(first.page, 'Show the code')
      return (await first.page.locator('.link-code').textContent())!
    }
    await first.page.getByRole('link', { name: 'Settings' }).click()
    const closed = await shown()
    await press(first.page, 'Close')

    const { page } = second
    await press(page, 'I have another device')
    await page.getByLabel('The code').fill(closed)
    await page.getByLabel('Name of this device').fill('second')
    await page.getByLabel('A passphrase').fill('quite another one')
    await page.getByLabel('Once more').fill('quite another one')
    await press(page, 'Link this computer')
    await page.getByText('does not wait for this code').waitFor()
    await page.getByText('Choose “Link a new device” on the device that you have').waitFor()
    assert.equal(await page.getByText('muttr device').count(), 0, 'nobody is sent to a terminal')
    await page.getByLabel('The code').fill(await shown())
    await press(page, 'Link this computer')
    await first.page.getByText('is your device now.').waitFor()
    await press(first.page, 'Done')
    await row(first.page, 'second')
      .getByText(/since \d\d:\d\d/)
      .waitFor()

    await heading(page, 'Inbox').waitFor()
    await page.getByText('alice@one.test').first().waitFor()
    await page.getByRole('link', { name: 'Drafts' }).click()
    await page.getByText('Not finished').first().waitFor()
    await page.getByRole('link', { name: 'Settings' }).click()
    await row(page, 'second').getByText('This device').waitFor()
    assert.equal(await page.getByRole('button', { name: /^Revoke/ }).count(), 1)
    await first.tab.shot('linked-first')
    await second.shot('linked-second')
    assert.deepEqual([...first.tab.complaints, ...second.complaints], [])
  })

  it('takes a new key at a real pod', async () => {
    await using pod = await createPagePod()
    await using alice = await pod.join('alice')
    const before = (await alice.client.status()).fingerprint
    await using tab = await stage.openOn(alice.client, 'alice@one.test')
    const { page } = tab
    await page.getByRole('link', { name: 'Settings' }).click()
    await press(page, 'Take a new key')
    await page.getByRole('dialog').getByRole('button', { name: 'Take a new key' }).click()
    await page.getByText('one.test has given your addresses to the new key.').waitFor()
    await page.getByText('then its secrets are erased').waitFor()
    assert.notEqual((await alice.client.status()).fingerprint, before)
    assert.deepEqual(tab.tab.complaints, [])
  })
})
