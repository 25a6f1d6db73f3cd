import assert from 'node:assert/strict'
import fc from 'fast-check'
import { utf8 } from '../../src/base/bytes.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { Change, Content, WholeState } from '../../src/store/state.ts'

const bytesOf = (n: number) => new Uint8Array([n])
const put = (table: string, key: string, n = 0): Change => ({
  type: 'put',
  table,
  key,
  value: bytesOf(n)
})
const insert = (table: string, key: string, n = 0): Change => ({
  type: 'insert',
  table,
  key,
  value: bytesOf(n)
})
const append = (log: string, n = 0): Change => ({ type: 'append', log, entry: bytesOf(n) })
const trim = (log: string, through: number): Change => ({ type: 'trim', log, through })
const done = (...sequences: number[]) => ({ ok: true, sequences })
const refused = { ok: false, sequences: [] }

/** What every State keeps. `open` makes an empty one. */
export const stateContract = (name: string, open: () => Promise<WholeState>) =>
  describe(`${name} keeps the State contract`, () => {
    it('gives back rows until they are deleted', async () => {
      await using state = await open()
      assert.equal(await state.get('t', 'k'), undefined)
      assert.deepEqual(
        await state.write([put('t', 'k', 1), put('t', 'k', 2), put('u', 'k', 3)]),
        done()
      )
      assert.deepEqual(await state.get('t', 'k'), bytesOf(2))
      assert.deepEqual(await state.get('u', 'k'), bytesOf(3))
      await state.write([{ type: 'delete', table: 't', key: 'k' }, put('t', '', 4)])
      assert.equal(await state.get('t', 'k'), undefined)
      assert.deepEqual(await state.get('t', ''), bytesOf(4), 'an empty key is a key')
      assert.deepEqual(await state.write([]), done())
    })

    it('keeps its own copy of the bytes, also of empty ones', async () => {
      await using state = await open()
      await state.write([
        { type: 'put', table: 't', key: 'k', value: new Uint8Array() },
        put('t', 'l', 1)
      ])
      assert.deepEqual(await state.get('t', 'k'), new Uint8Array())
      const got = await state.get('t', 'l')
      got!.fill(9)
      assert.deepEqual(await state.get('t', 'l'), bytesOf(1))
    })

    it('lists a table in the order of UTF-8, within bounds', async () => {
      await using state = await open()
      // In UTF-16 the emoji would come before the full-width letter.
      const keys = ['', 'a', 'a b', 'ab', 'b', 'é', '\uff21', '😀']
      for (const key of [...keys].reverse()) await state.write([put('t', key)])
      await state.write([put('s', 'a'), put('t\u0001', 'a'), put('t2', 'a'), put('tt', 'a')])
      const list = async (range?: Parameters<WholeState['list']>[1]) =>
        (await state.list('t', range)).map(({ key }) => key)
      assert.deepEqual(await list(), keys)
      assert.deepEqual(await list({ reverse: true }), [...keys].reverse())
      assert.deepEqual(await list({ gte: 'a', lt: 'b' }), ['a', 'a b', 'ab'])
      assert.deepEqual(await list({ gt: 'a', lt: 'b' }), ['a b', 'ab'])
      assert.deepEqual(await list({ gt: 'a', gte: 'b', limit: 1 }), ['b'])
      assert.deepEqual(await list({ gte: 'a', gt: 'b', limit: 1 }), ['é'])
      assert.deepEqual(await list({ limit: 2 }), ['', 'a'])
      assert.deepEqual(await list({ limit: 2, reverse: true }), ['😀', '\uff21'])
      assert.deepEqual(await list({ lt: 'b', limit: 2, reverse: true }), ['ab', 'a b'])
      assert.deepEqual(await list({ limit: 0 }), [])
      assert.deepEqual(await list({ gt: 'b', lt: 'a' }), [])
      assert.deepEqual(await list({ gt: 'b', lt: 'a', reverse: true }), [])
      assert.deepEqual(await state.list('none'), [])
      assert.deepEqual(await state.list('s'), [{ key: 'a', value: bytesOf(0) }])
    })

    it('refuses a whole write when an insert meets a row', async () => {
      await using state = await open()
      assert.deepEqual(await state.write([insert('t', 'k', 1), append('l')]), done(1))
      assert.deepEqual(
        await state.write([put('t', 'j'), append('l'), insert('t', 'k', 2)]),
        refused
      )
      assert.equal(await state.get('t', 'j'), undefined)
      assert.deepEqual(await state.get('t', 'k'), bytesOf(1))
      assert.deepEqual(
        await state.write([append('l')]),
        done(2),
        'the refused append used no number'
      )
      assert.deepEqual(await state.write([insert('t', 'i'), insert('t', 'i')]), refused)
      const deleted: Change = { type: 'delete', table: 't', key: 'k' }
      assert.deepEqual(await state.write([deleted, insert('t', 'k', 3)]), done())
      assert.deepEqual(await state.get('t', 'k'), bytesOf(3))
    })

    it('lets one of many win who insert the same row at once', async () => {
      await using state = await open()
      const outcomes = await Promise.all(
        [...Array(30).keys()].map(n => state.write([insert('t', 'alice', n), append('l', n)]))
      )
      assert.deepEqual(outcomes, [done(1), ...Array(29).fill(refused)])
      assert.deepEqual(await state.get('t', 'alice'), bytesOf(0))
    })

    it('numbers each log by itself and never uses a number twice', async () => {
      await using state = await open()
      assert.deepEqual(
        await state.write([append('a', 1), append('b', 2), append('a', 3)]),
        done(1, 1, 2)
      )
      await state.write([trim('a', 2)])
      assert.deepEqual(await state.page('a', 0, 10), [])
      assert.deepEqual(
        await state.write([append('a', 4), trim('a', 3), append('a', 5)]),
        done(3, 4)
      )
      assert.deepEqual(await state.page('a', 0, 10), [{ sequence: 4, entry: bytesOf(5) }])
      await state.write([trim('a', 1_000), trim('none', 5)])
      assert.deepEqual(await state.write([append('a'), append('none')]), done(5, 1))
      assert.deepEqual(await state.page('b', 0, 10), [{ sequence: 1, entry: bytesOf(2) }])
    })

    it('pages a log', async () => {
      await using state = await open()
      const appended = await Promise.all(
        [...Array(300).keys()].map(n => state.write([append('l', n)]))
      )
      assert.deepEqual(
        appended.flatMap(({ sequences }) => sequences),
        [...Array(300).keys()].map(n => n + 1)
      )
      await state.write([append('l\u0001'), append('k'), append('m'), trim('l', 10)])
      const sequences = async (after: number, limit: number) =>
        (await state.page('l', after, limit)).map(({ sequence }) => sequence)
      assert.deepEqual(await sequences(0, 3), [11, 12, 13])
      assert.deepEqual(await sequences(255, 3), [256, 257, 258])
      assert.deepEqual(await sequences(298, 3), [299, 300])
      assert.deepEqual(await sequences(300, 3), [])
      assert.deepEqual(await sequences(9_000, 3), [])
      assert.deepEqual(await sequences(0, 0), [])
      assert.deepEqual((await state.page('l', 19, 1))[0], { sequence: 20, entry: bytesOf(19) })
    })

    it('wakes who watches a log, once for each write to it', async () => {
      await using state = await open()
      const woken: string[] = []
      const first = state.watch('l', () => woken.push('first'))
      const second = state.watch('l', () => woken.push('second'))
      await state.write([append('l'), append('l')])
      await state.write([append('m'), put('l', 'k')])
      await state.write([insert('l', 'k'), append('l')])
      assert.deepEqual(woken.splice(0), ['first', 'second'])
      first[Symbol.dispose]()
      first[Symbol.dispose]()
      await state.write([append('l')])
      assert.deepEqual(woken.splice(0), ['second'])
      second[Symbol.dispose]()
      await state.write([append('l')])
      assert.deepEqual(woken, [])
    })

    it('takes names of any text', async () => {
      await using state = await open()
      const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      const texts = fc.tuple(name, name, fc.string({ unit: 'grapheme', maxLength: 40 }))
      const asText = (text: string) => text.replaceAll('\0', ' ')
      let n = 0
      const property = fc.asyncProperty(texts, async ([table, log, key]) => {
        n += 1
        await state.write([
          { type: 'put', table: asText(table), key: asText(key), value: utf8(`${n}`) }
        ])
        assert.deepEqual(await state.get(asText(table), asText(key)), utf8(`${n}`))
        const { sequences } = await state.write([
          { type: 'append', log: asText(log), entry: utf8(`${n}`) }
        ])
        assert.deepEqual(await state.page(asText(log), sequences[0]! - 1, 9), [
          { sequence: sequences[0], entry: utf8(`${n}`) }
        ])
      })
      await fc.assert(property, { numRuns: 60 })
    })

    it('is taken whole, and filled with what another had, numbers of entries included', async () => {
      await using state = await open()
      await state.write([put('t', 'k', 1), put('u', '', 2), append('l', 3), append('gone', 4)])
      await state.write([append('l', 5), append('l', 6), trim('l', 1), trim('gone', 1)])
      const all = await Array.fromAsync(state.contents())
      const sorted = (contents: Content[]) =>
        contents.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      assert.deepEqual(
        sorted(all),
        sorted([
          { table: 't', key: 'k', value: bytesOf(1) },
          { table: 'u', key: '', value: bytesOf(2) },
          { log: 'gone', last: 1 },
          { log: 'l', last: 3 },
          { log: 'l', sequence: 2, entry: bytesOf(5) },
          { log: 'l', sequence: 3, entry: bytesOf(6) }
        ])
      )
      const rows = await Array.fromAsync(state.rows())
      assert.deepEqual(
        rows.map(({ table }) => table),
        ['t', 'u']
      )
      await using model = memoryState()
      await model.fill(state.contents())
      await using other = await open()
      // One that is shared has everything already.
      const isShared = (await other.get('t', 'k')) !== undefined
      if (!isShared) await other.fill(model.contents())
      assert.deepEqual(sorted(await Array.fromAsync(other.contents())), sorted(all))
      assert.deepEqual(await other.write([append('l', 7), append('gone', 8)]), done(4, 2))
      assert.deepEqual(await other.page('l', 2, 9), [
        { sequence: 3, entry: bytesOf(6) },
        { sequence: 4, entry: bytesOf(7) }
      ])
      await other.write([trim('l', 2)])
      assert.deepEqual((await other.page('l', 0, 1))[0]!.sequence, 3)
      await assert.rejects(other.fill(model.contents()), { code: 'HOME_EXISTS' })
    })

    it('refuses when it is closed, after it did what was asked before', async () => {
      const state = await open()
      const before = state.write([append('l')])
      const closed = state[Symbol.asyncDispose]()
      await assert.rejects(state.write([append('l')]), { code: 'CANCELLED' })
      assert.deepEqual(await before, done(1))
      await closed
    })
  })
