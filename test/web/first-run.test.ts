import assert from 'node:assert/strict'
import { join } from 'node:path'
import { makeJoinLink } from '../../src/config/join-link.ts'
import { fakeWords } from '../support/fake-client.ts'
import { fakePassphrase, nothingMade } from '../support/fake-house.ts'
import { fakeCode } from '../support/fake-link.ts'
import { openHouse } from '../support/page-house.ts'
import { createPagePod } from '../support/page-net.ts'
import { createPageStage, heading, type PageStage, press } from '../support/page-stage.ts'
import { choosePassphrase, keepWords } from '../support/page-words.ts'

describe("the web page's way in, in Chromium", function () {
  this.timeout(240_000)
  let stage: PageStage

  before(async () => {
    stage = await createPageStage()
  })
  after(() => stage?.[Symbol.asyncDispose]())

  it('leads from nothing to an address, with a backup in between', async () => {
    await using tab = await stage.open({ setup: nothingMade })
    const { page, house, client } = tab
    client.onRegister = alias => void house.now.aliases.push(alias)
    await heading(page, 'Welcome to Muttr').waitFor()
    await tab.shot('first-key')
    assert.deepEqual(await stage.flaws(page), [])
    await page.getByLabel('Your name').fill('Carol')
    await page.getByLabel('Passphrase', { exact: true }).fill(fakePassphrase)
    await page.getByLabel('Once more').fill('something else')
    await press(page, 'Make my key')
    await page.getByText('The two passphrases differ.', { exact: true }).waitFor()
    await page.getByLabel('Once more').fill(fakePassphrase)
    await page.getByLabel('Join link').fill('muttr:abc')
    await press(page, 'Make my key')
    await heading(page, 'Make a backup').waitFor()
    assert.deepEqual(house.calls, [['make', { name: 'Carol', link: 'muttr:abc' }]])
    await page.getByLabel('Your passphrase').fill('guess')
    await press(page, 'Show the twelve words')
    await page.getByText('does not open the vault').waitFor()
    await page.getByLabel('Your passphrase').fill(fakePassphrase)
    await press(page, 'Show the twelve words')
    await page.locator('.twelve li').nth(11).waitFor()
    await tab.shot('first-words')
    assert.deepEqual(await stage.flaws(page), [])
    await press(page, 'I have written them down')
    const asked = page.getByLabel(/^Word \d+$/)
    assert.equal(await asked.count(), 2)
    for (const box of await asked.all()) await box.fill('wrong')
    await press(page, 'Go on')
    await page.getByText(/That is not word \d+\./).waitFor()
    await tab.shot('first-words-asked')
    await press(page, 'Show the words again')
    assert.deepEqual(await page.locator('.twelve li').allTextContents(), fakeWords.split(' '))
    await page.reload()
    assert.deepEqual(await keepWords(page, fakePassphrase), fakeWords.split(' '))
    assert.equal(await page.getByRole('button', { name: 'Go on' }).isDisabled(), true)
    await tab.shot('first-backup')
    assert.deepEqual(await stage.flaws(page), [])
    const revocation = page.waitForEvent('download')
    await press(page, 'Save a revocation certificate')
    assert.equal((await revocation).suggestedFilename(), 'Carol-revocation.asc')
    const backup = page.waitForEvent('download')
    await press(page, 'Save the backup')
    assert.equal((await backup).suggestedFilename(), 'Carol.muttr-backup')
    house.now.backupMs = Date.now()
    client.emit({ type: 'backed-up', madeMs: house.now.backupMs })
    await page.getByText('Backup saved').waitFor()
    await press(page, 'Go on')
    await heading(page, 'Choose your address').waitFor()
    await tab.shot('first-address')
    assert.deepEqual(await stage.flaws(page), [])
    await page.getByLabel('Name').fill('Carol')
    await press(page, 'Take this address')
    await heading(page, 'Inbox').waitFor()
    assert.ok(
      client.calls.some(([name, alias]) => name === 'register' && alias === 'carol@one.test')
    )
    assert.deepEqual(tab.complaints, [])
  })

  it('leaves them where they went while their address was still being read', async () => {
    await using tab = await stage.open({ setup: { aliases: [], introduced: [] } })
    const { page, house, client } = tab
    const held = Promise.withResolvers<void>()
    client.onRegister = alias => void house.now.aliases.push(alias)
    await page.route('**/contacts', async route => {
      await held.promise
      await route.continue()
    })
    await page.reload()
    await heading(page, 'Choose your address').waitFor()
    await page.getByLabel('Name').fill('Carol')
    await press(page, 'Take this address')
    await heading(page, 'Inbox').waitFor()
    await page.getByRole('link', { name: 'Settings' }).click()
    await heading(page, 'Settings').waitFor()
    assert.equal(await page.getByRole('link', { name: /neighbour/ }).count(), 0)
    held.resolve()
    await page.getByRole('link', { name: /neighbour/ }).waitFor()
    assert.equal(await page.evaluate(() => location.hash), '#/settings')
    assert.deepEqual(tab.complaints, [])
  })

  it('goes from their first address to a letter to whom their link introduced', async () => {
    await using tab = await stage.open({ setup: { aliases: [] } })
    const { page, house, client } = tab
    client.onRegister = alias => void house.now.aliases.push(alias)
    await page.getByLabel('Name').fill('Carol')
    await press(page, 'Take this address')
    await heading(page, 'New letter').waitFor()
    assert.equal(await page.getByLabel('To', { exact: true }).inputValue(), 'bob@two.test')
    assert.deepEqual(tab.complaints, [])
  })

  it('comes back from a backup with its words, also on a screen as narrow as a phone', async () => {
    await using tab = await stage.open({ setup: nothingMade, width: 390, height: 800 })
    const { page, house } = tab
    await press(page, 'I have a backup')
    await page.getByLabel('Backup', { exact: true }).setInputFiles({
      ...{ name: 'alice.muttr-backup', mimeType: '', buffer: Buffer.alloc(200_000) }
    })
    await page.getByLabel('Its twelve words').fill('wait')
    await choosePassphrase(page, fakePassphrase)
    const waits = house.waits()
    await press(page, 'Restore')
    await waits
    const cancelled = house.cancelled()
    await press(page, 'Cancel')
    await cancelled
    await page.getByText('Cancelled.').waitFor()
    await page.getByLabel('Its twelve words').fill('some other words')
    await press(page, 'Restore')
    await page.getByText('These are other words.').waitFor()
    assert.deepEqual(house.calls[0], ['cancelled'])
    await page.getByText('Check the twelve words').waitFor()
    await tab.shot('first-restore-phone')
    assert.equal(await stage.tooWidePx(page), 0)
    assert.deepEqual(await stage.flaws(page), [])
    await page.getByLabel('Its twelve words').fill(fakeWords)
    await press(page, 'Restore')
    await heading(page, 'Inbox').waitFor()
    assert.deepEqual(house.calls.at(-1), ['restore', fakeWords, 200_000])
    await tab.to('#/settings')
    await press(page, 'Show my recovery words')
    await keepWords(page, fakePassphrase, () => tab.shot('words-phone'))
    assert.equal(await stage.tooWidePx(page), 0)
    assert.deepEqual(tab.complaints, [])
  })

  it('makes a person at a real pod, and the same person again out of the file that it saved', async () => {
    await using pod = await createPagePod()
    const link = makeJoinLink({
      network: pod.network,
      pod: 'one.test',
      invite: null,
      contact: null
    })
    let words: string[]
    const saved = join(pod.folder, 'carol.muttr-backup')
    {
      await using tab = await openHouse(stage, join(pod.folder, 'carol'))
      const { page } = tab
      await page.getByLabel('Your name').fill('Carol')
      await choosePassphrase(page, fakePassphrase, 'Passphrase')
      await page.getByLabel('Join link').fill(link)
      await press(page, 'Make my key')
      words = await keepWords(page, fakePassphrase)
      await press(page, 'Without a backup: if this disk dies, I start over')
      await page.getByLabel('Name').fill('Carol')
      await press(page, 'Take this address')
      await heading(page, 'Inbox').waitFor()
      await page.getByRole('link', { name: 'Settings' }).click()
      await press(page, 'Make a backup')
      assert.deepEqual(await keepWords(page, fakePassphrase), words)
      const download = page.waitForEvent('download')
      await press(page, 'Save the backup')
      await (await download).saveAs(saved)
      await page.getByText('Backup saved').waitFor()
      await press(page, 'Done')
      await page.getByText('The last one was made').waitFor()
      await tab.shot('settings-backup')
      assert.deepEqual(tab.complaints, [])
    }
    await using tab = await openHouse(stage, join(pod.folder, 'again'))
    const { page } = tab
    await press(page, 'I have a backup')
    await page.getByLabel('Backup', { exact: true }).setInputFiles(saved)
    await page.getByLabel('Its twelve words').fill(words.join(' '))
    await choosePassphrase(page, 'quite another one')
    await press(page, 'Restore')
    await heading(page, 'Inbox').waitFor()
    await page.getByText('carol@one.test').first().waitFor()
    await page.getByRole('link', { name: '1 neighbour' }).waitFor()
    assert.deepEqual(tab.complaints, [])
  })

  it('leads on from a code or a link that was pasted into the field of the other', async () => {
    await using tab = await stage.open({ setup: nothingMade, width: 390, height: 800 })
    const { page, house } = tab
    const link = makeJoinLink({ network: null, pod: 'one.test', invite: null, contact: null })
    await page.getByLabel('Join link').fill(` ${fakeCode}`)
    await page.getByText('That is the code of a device that you have').waitFor()
    await tab.shot('misplaced-phone')
    assert.equal(await stage.tooWidePx(page), 0)
    assert.deepEqual(await stage.flaws(page), [])
    await press(page, 'Link this computer')
    await heading(page, 'From another device').waitFor()
    assert.equal(await page.getByLabel('The code').inputValue(), fakeCode)
    assert.equal(await page.getByRole('button', { name: 'Make a key and join' }).count(), 0)
    await page.getByLabel('The code').fill(`${link}\n`)
    assert.deepEqual(await stage.flaws(page), [])
    await press(page, 'Make a key and join')
    await heading(page, 'Welcome to Muttr').waitFor()
    assert.equal(await page.getByLabel('Join link').inputValue(), link)
    assert.equal(await page.getByText('That is the code').count(), 0)
    await page.getByLabel('Your name').fill('Carol')
    await choosePassphrase(page, fakePassphrase, 'Passphrase')
    await press(page, 'Make my key')
    await heading(page, 'Make a backup').waitFor()
    assert.deepEqual(house.calls, [['make', { name: 'Carol', link }]])
    house.now.aliases.push('carol@one.test')
    await page.reload()
    await tab.to('#/settings')
    await page.getByLabel('Join link').fill(fakeCode)
    await page.getByText('for a computer on which nothing is set up yet').waitFor()
    await page.getByLabel('Join link').fill('muttr:other')
    await press(page, 'Join')
    await page.getByText('An earlier link named another key for bob@two.test').waitFor()
    await page.getByLabel('Join link').fill('muttr:same')
    await press(page, 'Join')
    await page.getByText('An earlier link named').waitFor({ state: 'detached' })
    assert.deepEqual(tab.complaints, [])
  })

  it('opens with the right passphrase only, and locks again', async () => {
    await using tab = await stage.open({ setup: { locked: true } })
    const { page } = tab
    await page.getByLabel('Passphrase').fill('guess')
    await page.getByRole('button', { name: 'Unlock' }).click()
    await page.getByText('does not open the vault').waitFor()
    await tab.shot('unlock')
    assert.deepEqual(await stage.flaws(page), [])
    await page.getByLabel('Passphrase').fill(fakePassphrase)
    await page.getByRole('button', { name: 'Unlock' }).click()
    await heading(page, 'Inbox').waitFor()
    await page.getByRole('button', { name: 'Lock' }).click()
    await page.getByRole('button', { name: 'Unlock' }).waitFor()
  })
})
