import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import type { PageFiles } from '../../src/api/page-files.ts'
import type { LoginUrls } from '../../src/cli/doors.ts'
import { editConfig } from '../../src/config/config.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import { pageFolder } from '../../src/nodes/page.ts'
import type { AuditEntry } from '../../src/pod/office/audit.ts'
import { openAdminDoor, testPassword } from '../support/admin-door.ts'
import type { Tab } from '../support/browser.ts'
import { builtPage, openTab, startBrowser } from '../support/browser.ts'
import { flawsOf, heading, press, tooWidePx } from '../support/page-stage.ts'
import { personNamed, random } from '../support/pod-world.ts'
import { temporaryFolder } from '../support/store-folder.ts'
import type { TestCa } from '../support/test-ca.ts'
import { testCa } from '../support/test-ca.ts'
import { Testnet } from '../support/testnet.ts'

const waitMs = 60_000
const password = 'rope boat lunch lamp'
const evil = '<img src=x onerror="globalThis.ran=1">\u202e<script>globalThis.ran=1</script>'

describe('the admin page, in Chromium', function () {
  this.timeout(240_000)
  let browser: Browser
  let files: PageFiles
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let ca: TestCa

  before(async () => {
    folder = await temporaryFolder()
    ca = await testCa(folder.path)
    // Where a pod of its own process looks for it.
    files = await builtPage(pageFolder)
    browser = await startBrowser('--host-resolver-rules=MAP *.test 127.0.0.1')
  })
  after(async () => {
    await browser?.close()
    await folder?.[Symbol.asyncDispose]()
  })
  const open = async (url: string, path: string, look: object = {}): Promise<Tab> => {
    const tab = await openTab({ browser, url, path, ...look })
    tab.page.setDefaultTimeout(waitMs)
    return tab
  }
  const to = (page: Page, hash: string) =>
    page.evaluate(hash => void (location.hash = hash), `#/${hash}`)

  it('takes an operator from the first link through a day’s work on a real pod, and all of it is noted', async () => {
    const pod = 'one.test'
    await using net = await Testnet.lay({ pods: [pod], people: ['alice'], seeds: 0 })
    const [port = 0] = await freePorts(1, random)
    const pair = await ca.issue([pod])
    const file = (name: string) => join(folder.path, name)
    await writeFile(file('door.pem'), pair.certificate)
    await writeFile(file('door.key'), pair.key)
    const config = join(net.home(pod), 'muttr.json')
    const https = { mode: 'files', port, certificate: file('door.pem'), key: file('door.key') }
    let text = await readFile(config, 'utf8')
    for (const [name, value] of Object.entries({
      https,
      admin: { mode: 'on' },
      policy: 'approval'
    }))
      text = editConfig(text, ['pod', name], value)
    await writeFile(config, text)
    await net.start(pod, 'alice')
    const [link] = await net.json<LoginUrls>(pod, 'pod', 'admin', 'link')
    const [url, path] = link!.url!.split('/admin/#') as [string, string]
    assert.equal(url, `https://${pod}:${port}`)
    await using tab = await open(url, path)
    const { page } = tab
    await heading(page, 'Overview').waitFor()
    assert.doesNotMatch(page.url(), /[0-9a-f]{64}/)

    await page.getByRole('link', { name: 'Choose one' }).click()
    await page.getByLabel('New password').fill(password)
    await press(page, 'Set password')
    await page.getByText('From now on it lets you in').waitFor()
    await press(page, 'Log out')
    await page.getByLabel('Name').fill(link!.operator)
    await page.getByLabel('Password').fill(password)
    await press(page, 'Log in')

    await to(page, 'invites')
    await press(page, 'New invite')
    await page.getByLabel('For how many').fill('30')
    await page.getByLabel('Note').fill('choir')
    await press(page, 'Make the invite')
    await page.getByRole('img', { name: 'The link as a QR code' }).waitFor()
    assert.match(await page.getByLabel('Link', { exact: true }).inputValue(), /^muttr:/)
    await press(page, 'Done')
    await page.getByRole('cell', { name: '0 of 30' }).waitFor()

    // It comes while somebody looks.
    await to(page, 'applications')
    await page.getByText('Nobody asks for an alias').waitFor()
    const asked = await net.muttr('alice', 'register', `alice@${pod}`, '--note', 'from the choir')
    assert.equal(asked.status, 2)
    await page.getByText('from the choir').waitFor()
    await press(page, 'Approve')
    await net.event('alice', 'registered', 0, ({ alias }) => alias === `alice@${pod}`)

    await to(page, 'people')
    await page.getByRole('link', { name: 'alice' }).click()
    await press(page, 'Suspend')
    await page.getByLabel('Reason').fill('advertisements')
    await page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click()
    await page.locator('.chip').getByText('suspended').waitFor()
    await press(page, 'Undo')
    await page.locator('.chip').getByText('active').waitFor()

    await to(page, 'audit')
    await page.getByText('The chain holds').waitFor()
    await page.getByRole('cell', { name: 'account.resume' }).waitFor()
    await tab.shot('admin-audit')
    await press(page, 'Log out')
    await heading(page, 'Pod admin').waitFor()
    assert.deepEqual(tab.complaints, [])
    const done = await net.json<AuditEntry>(pod, 'pod', 'audit')
    assert.deepEqual(done.map(({ action }) => action).reverse(), [
      ...['operator.add', 'operator.link', 'operator.login', 'operator.password'],
      ...['operator.logout', 'operator.login', 'invite.make', 'request.approve'],
      ...['account.suspend', 'account.resume', 'operator.logout']
    ])
    assert.deepEqual(new Set(done.map(({ by }) => by.name)), new Set([link!.operator]))
  })

  it('shows hostile text as text, has no flaw that axe finds, in the dark and on a phone too', async () => {
    await using at = await openAdminDoor(ca, { page: files })
    await at.operator('olga', 'owner')
    const host = at.host
    for (const [name, note] of [
      ['mallory', evil],
      ['nora', 'n'.repeat(900)]
    ] as const) {
      const { person, enter } = await at.world.device(await personNamed(name))
      await assert.rejects((await enter(host)).register(name, person.certificate, { note }))
    }
    const by = { kind: 'operator', name: 'olga' } as const
    const { person, enter } = await at.world.device(await personNamed('alice'))
    const { code } = await at.pod.office.invite(by, { uses: 3, note: evil })
    const alice = await enter(host)
    await alice.register('alice', person.certificate, { invite: code })
    await alice.report('alice', { kind: 'abuse', text: evil, letter: null })
    await at.pod.office.suspend(by, 'alice', { reason: evil })
    for (let i = 0; i < 60; i++) await at.pod.office.invite(by, { note: `number ${i}` })

    const views: [hash: string, there: (page: Page) => Promise<unknown>][] = [
      ['overview', page => page.getByText('More seeds.').waitFor()],
      ['people', page => page.getByRole('link', { name: 'alice' }).waitFor()],
      ['people/alice', page => page.getByText('U+202E').waitFor()],
      ['applications', page => page.getByText('U+202E').waitFor()],
      ['reports', page => page.getByText('U+202E').waitFor()],
      ['invites', page => page.getByText('11 left').waitFor()],
      ['rules', page => page.getByText('noticesPerAccount').waitFor()],
      ['audit', page => page.getByText('The chain holds').waitFor()],
      ['operators', page => page.getByRole('cell', { name: 'olga' }).waitFor()],
      ['settings', page => page.getByText('answers you').waitFor()],
      ['login', page => page.getByText('this one').waitFor()]
    ]
    const look = async (
      how: { dark?: boolean; width?: number },
      name: string,
      seen = views.map(([hash]) => hash)
    ) => {
      await using tab = await open(at.origin, '', how)
      const { page } = tab
      assert.deepEqual(await flawsOf(page), [], 'login')
      await page.getByLabel('Name').fill('olga')
      await page.getByLabel('Password').fill(testPassword)
      await press(page, 'Log in')
      for (const [hash, there] of views.filter(([hash]) => seen.includes(hash))) {
        await to(page, hash)
        await there(page)
        await tab.shot(`admin-${hash.replace('/', '-')}${name}`)
        assert.deepEqual(await flawsOf(page, how.dark ? ['color-contrast'] : undefined), [], hash)
        if (how.width) assert.equal(await tooWidePx(page), 0, hash)
      }
      assert.equal(await page.evaluate(() => (globalThis as { ran?: number }).ran), undefined)
      assert.equal(await page.locator('main img, main script').count(), 0)
      assert.deepEqual(tab.complaints, [])
    }
    await look({}, '')
    // Those that have a colour or a width which no other has.
    await look({ dark: true }, '-dark', ['overview', 'people/alice', 'reports', 'audit'])
    await look({ width: 390 }, '-phone', ['overview', 'people/alice', 'invites', 'rules'])
  })
})
