/** Fills a state until the system takes no more, has room made, and says what was told of it meanwhile. Its files may not grow: `prlimit --fsize=…`. */
import { execFileSync } from 'node:child_process'
import { codeOf } from '../../src/base/errors.ts'
import { watchWrites } from '../../src/nodes/strain.ts'
import { levelState } from '../../src/store/level.ts'

const { state, problem, check } = watchWrites(await levelState(process.argv[2]!), {
  info() {},
  warn() {}
})
const value = new Uint8Array(50_000)
let refused: string | undefined
for (let i = 0; refused === undefined; i++)
  await state.write([{ type: 'put', table: 'rows', key: `${i}`, value }]).catch(err => {
    refused = codeOf(err)
  })
const during = [await problem(), (await check())[0]!.ok]
execFileSync('prlimit', ['--pid', `${process.pid}`, '--fsize=unlimited'])
const after = [await problem(), (await check())[0]!.ok]
await state[Symbol.asyncDispose]()
console.log(JSON.stringify([refused, ...during, ...after]))
