import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import type { Alarm, Contact, OwnAddress, OwnMove } from '../../src/client/client.ts'
import { readAddressLink } from '../../src/wire/address.ts'
import { readCode } from '../support/browser.ts'
import { alarmOf } from '../support/fake-letters.ts'
import type { PageClient } from '../support/page-client.ts'
import { createPageStage, heading, type PageStage, press } from '../support/page-stage.ts'

const dayMs = 86_400_000
/** Desk and telephone, by day and by night. */
const looks = [{ dark: false }, { dark: true, width: 390, height: 780 }]
const addressVectors = new URL('../vectors/address.json', import.meta.url)

describe('addresses, moves and split views on the web page, in Chromium', function () {
  this.timeout(240_000)
  let stage: PageStage

  before(async () => {
    stage = await createPageStage()
  })
  after(() => stage?.[Symbol.asyncDispose]())

  const called = (client: PageClient, name: string) =>
    client.calls.filter(([call]) => call === name)
  const nameOf = (name: string, { width }: { width?: number }) =>
    width === undefined ? name : `${name}-phone-dark`

  it('says what it means that a pod said different things, and saves the proof', async () => {
    for (const look of looks) {
      await using tab = await stage.open(look)
      const { page, client } = tab
      const alarm: Alarm = {
        ...alarmOf('bob@two.test'),
        what: 'equivocated',
        detail: 'two.test says different things about bob@two.test to different people.',
        hint: 'Run `muttr alarms bob@two.test --proof`.'
      }
      const alarms = [alarm]
      const status = await client.status()
      client.status = async () => ({ ...status, alarms: [...alarms] })
      client.alarmProof = async alias => {
        client.calls.push(['alarmProof', alias])
        return new Uint8Array([1, 2, 3])
      }
      client.answerAlarms = async alias => {
        client.calls.push(['answerAlarms', alias])
        return alarms.splice(0)
      }
      await heading(page, 'Inbox').waitFor()
      client.emit({ type: 'alarm', alias: alarm.alias, what: 'equivocated', shown: alarm.shown })
      const banner = page.getByRole('alert').filter({ hasText: 'says different things' })
      await banner.getByText('Compare keys with them by another way').waitFor()
      assert.equal(await banner.getByText('muttr alarms').count(), 0)
      await tab.shot(nameOf('equivocated', look))
      assert.deepEqual([await stage.flaws(page), await stage.tooWidePx(page)], [[], 0])
      for (const name of ['Save the proof', 'I have seen it']) {
        const box = (await banner.getByRole('button', { name }).boundingBox())!
        const seen = page.viewportSize()!
        assert(box.x >= 0 && box.x + box.width <= seen.width, `${name} can be seen whole`)
      }
      const words = (await banner.locator('.banner-text').boundingBox())!
      assert(words.width > 200, 'the words are not squeezed beside the buttons')
      const saving = page.waitForEvent('download')
      await press(page, 'Save the proof')
      const saved = await saving
      assert.equal(saved.suggestedFilename(), 'bob@two.test.muttr-proof')
      assert.deepEqual([...(await readFile(await saved.path()))], [1, 2, 3])
      assert.deepEqual(called(client, 'alarmProof').at(-1), ['alarmProof', 'bob@two.test'])
      await banner.getByRole('button', { name: 'I have seen it' }).click()
      await banner.waitFor({ state: 'detached' })
      assert.deepEqual(called(client, 'answerAlarms'), [['answerAlarms', 'bob@two.test']])
      assert.deepEqual(tab.complaints, [])
    }
  })

  it('moves to another address after a question, and says what became of it', async () => {
    for (const look of looks) {
      await using tab = await stage.open(look)
      const { page, client } = tab
      const moves: OwnMove[] = []
      client.moves = async () => moves
      client.move = async (to, { signal: _, ...given } = {}) => {
        client.calls.push(['move', to, given])
        const atMs = Date.now()
        const problem = { code: 'POD_UNREACHABLE', message: 'one.test is away', hint: '' } as const
        const made = { from: 'alice@one.test', to, atMs, agreed: false, problem }
        moves.unshift({ ...made, listensUntilMs: atMs + 108 * dayMs })
        return moves[0]!
      }
      await tab.to('#/settings')
      await heading(page, 'Move').waitFor()
      await press(page, 'Move to another address')
      await page.getByLabel('Move to', { exact: true }).fill(' Alice@two.test ')
      await page.getByLabel('Invite code').last().fill('plum-42')
      const move = page.getByRole('button', { name: 'Move', exact: true })
      assert.equal(await move.isDisabled(), true)
      await tab.shot(nameOf('move', look))
      assert.deepEqual([await stage.flaws(page), await stage.tooWidePx(page)], [[], 0])
      await page.getByLabel('I leave alice@one.test').check()
      await move.press('Enter')
      const left = page.getByRole('list', { name: 'Addresses that you left' })
      await left.getByText('The pod does not know yet').waitFor()
      await left.getByText('one.test is away. one.test is told while your node runs.').waitFor()
      await left.getByText('You moved just now.').waitFor()
      await left.getByText('are asked for there until').waitFor()
      const given = { from: 'alice@one.test', invite: 'plum-42' }
      assert.deepEqual(called(client, 'move'), [['move', 'alice@two.test', given]])
      await left.scrollIntoViewIfNeeded()
      await tab.shot(nameOf('moved', look))
      assert.deepEqual([await stage.flaws(page), await stage.tooWidePx(page)], [[], 0])

      Object.assign(moves[0]!, { agreed: true, problem: null })
      await tab.to('#/contacts')
      await heading(page, 'Contacts').waitFor()
      await tab.to('#/settings')
      await left.getByText('The pod agrees').waitFor()
      await left.getByText('one.test tells whoever asks there').waitFor()
      assert.deepEqual(tab.complaints, [])
    }
  })

  it('shows who moved, and asks about a move that their pod denies', async () => {
    for (const look of looks) {
      await using tab = await stage.open(look)
      const { page, client } = tab
      const [bob, carol, dora] = ['bob@two.test', 'carol@one.test', 'dora.lindqvist@lund.test'].map(
        alias => client.people.find(person => person.alias === alias)
      ) as [Contact, Contact, Contact]
      const atMs = Date.now() - 3 * dayMs
      Object.assign(bob, { moved: { from: 'bob@old.test', atMs, agreed: false } })
      Object.assign(carol, { offered: { to: 'carol@new.test', atMs, code: 'MOVE_DENIED' } })
      client.acceptKey = async alias => {
        client.calls.push(['acceptKey', alias])
        const moved = { from: alias, atMs, agreed: false }
        return Object.assign(carol, { alias: 'carol@new.test', offered: null, moved })
      }
      await tab.to('#/contacts/bob%40two.test')
      await page.getByText('They moved here from bob@old.test 3 days ago.').waitFor()
      await page.getByText('Their key alone says so').waitFor()
      await tab.to('#/contacts/carol%40one.test')
      if (!look.width) await page.getByText('Said to have moved: needs your answer').waitFor()
      const question = page.getByRole('alert').filter({ hasText: 'their pod denies it' })
      await question.waitFor()
      await tab.shot(nameOf('move-denied', look))
      assert.deepEqual([await stage.flaws(page), await stage.tooWidePx(page)], [[], 0])
      const follow = page.getByRole('button', { name: 'Follow them' })
      assert.equal(await follow.isDisabled(), true)
      await press(page, 'Stay with this address')
      assert.deepEqual(called(client, 'acceptKey'), [])
      await page.getByLabel('They told me that they moved there').check()
      await follow.click()
      await page.getByText('They moved here from carol@one.test').waitFor()
      assert.deepEqual(called(client, 'acceptKey'), [['acceptKey', 'carol@one.test']])
      Object.assign(dora, { offered: { to: 'dora@new.test', atMs, code: 'KEY_CHANGED' } })
      client.emit({
        type: 'not-moved',
        alias: dora.alias,
        to: 'dora@new.test',
        code: 'KEY_CHANGED'
      })
      await tab.to(`#/contacts/${encodeURIComponent(dora.alias)}`)
      await page.getByText('is not theirs as far as its pod says (KEY_CHANGED)').waitFor()
      assert.deepEqual(tab.complaints, [])
    }
  })

  it('lists one’s addresses, makes one that a camera reads, renews and takes back', async () => {
    const { link } = JSON.parse(await readFile(addressVectors, 'utf8')).links[0]
    for (const look of looks) {
      await using tab = await stage.open(look)
      const { page, client } = tab
      let all: OwnAddress[] = (await client.addresses()).map(one =>
        one.contact === null ? one : { ...one, blind: true, pod: 'two.test' }
      )
      const { id: old } = all.find(({ kind }) => kind === 'published')!
      client.addresses = async () => all
      client.makeAddress = async options => {
        client.calls.push(['makeAddress', options])
        const { uses = null, note = '', lifeMs } = options ?? {}
        const untilMs = lifeMs === undefined ? null : Date.now() + lifeMs
        const made = { ...all.find(({ kind }) => kind === 'published')!, id: '7c'.repeat(32), note }
        all = [...all, { ...made, usesLeft: uses, untilMs }]
        return { ...all.at(-1)!, link }
      }
      client.revokeAddress = async id => {
        client.calls.push(['revokeAddress', id])
        all = all.filter(one => one.id !== id)
        return { id }
      }
      await tab.to('#/settings')
      const list = page.getByRole('list', { name: 'Addresses at your pod' })
      const row = (name: string) => list.getByRole('listitem').filter({ hasText: name })
      await row('bob@one.test').getByText('letters wait until you look').waitFor()
      await row('bob@one.test').getByText('3 letters wait there.').waitFor()
      await row('bob@one.test').getByText('At two.test, which does not know whose').waitFor()
      await row('the fair').getByText('Takes 1 letter, until you take it back.').waitFor()
      await row('bob@one.test').getByRole('button', { name: 'Renew' }).click()
      await page.getByText('bob@one.test is told of another address.').waitFor()
      assert.deepEqual(called(client, 'renewAddress'), [['renewAddress', 'bob@one.test']])

      await press(page, 'Make one to hand out')
      await page.getByLabel('What it is for').fill('the club')
      await page.getByLabel('Letters that it takes').fill('0')
      await press(page, 'Make it')
      assert.deepEqual(called(client, 'makeAddress'), [], 'the browser says that it is too few')
      await page.getByLabel('Letters that it takes').fill('5')
      await page.getByLabel('Days that it is good').fill('14')
      await tab.shot(nameOf('address-new', look))
      assert.deepEqual([await stage.flaws(page), await stage.tooWidePx(page)], [[], 0])
      await page.keyboard.press('Enter')
      const code = page.getByRole('img', { name: 'as a QR code' })
      assert.equal(await readCode(tab, await code.screenshot()), link)
      assert.equal(readAddressLink(link).alias.includes('@'), true)
      const asked = { alias: 'alice@one.test', note: 'the club', uses: 5, lifeMs: 14 * dayMs }
      assert.deepEqual(called(client, 'makeAddress'), [['makeAddress', asked]])
      await tab.shot(nameOf('address-made', look))
      assert.deepEqual([await stage.flaws(page), await stage.tooWidePx(page)], [[], 0])
      await press(page, 'Close')
      await row('the club').getByText('Takes 5 letters, and ends in 14 days.').waitFor()

      await page.getByRole('button', { name: 'Take back the fair' }).click()
      await press(page, 'Keep it')
      await page.getByRole('button', { name: 'Take back the fair' }).click()
      await press(page, 'Take it back')
      await row('the fair').waitFor({ state: 'detached' })
      assert.deepEqual(called(client, 'revokeAddress'), [['revokeAddress', old]])
      await list.scrollIntoViewIfNeeded()
      await tab.shot(nameOf('addresses', look))
      assert.deepEqual([await stage.flaws(page), await stage.tooWidePx(page)], [[], 0])
      assert.deepEqual(tab.complaints, [])
    }
  })
})
