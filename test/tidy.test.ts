import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { errorCodes } from '../src/base/errors.ts'
import { missingIn } from './support/check-built.ts'
import { anchorsOf, brokenLinks, linksOf } from './support/check-links.ts'
import { temporaryFolder } from './support/store-folder.ts'
import type { Source } from './support/tidy.ts'
import { importsOf, misplacedImports, readSources, worldlyReads } from './support/tidy.ts'

/** Codes that come from other nodes or from programs to come, so that nothing of ours throws them. */
const codesOfOthers: string[] = []

const linesMax = 400
/** A virtual world lets the process breathe between two of its moments; no time passes in it. */
const turns = 'src/sim/turns.ts'
/** A page in a browser has no other clock than the browser's. */
const pageClock = 'src/web/clock.ts'
const sources = readSources('src')
const everything = [...sources, ...readSources('bin', 'test', 'simulations')]

const at = (path: string, ...lines: string[]): Source => ({ path, text: lines.join('\n') })
const linesWith = (pattern: RegExp) =>
  everything.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line}`] : []))
  )

describe('the house', () => {
  it('imports downwards only, and each package from its own room', () => {
    assert.deepEqual(misplacedImports(sources), [])
  })

  it("reads clock and dice, and sets timers, in src/net and the page's clock only", () => {
    const decide = sources.filter(
      ({ path }) => !path.startsWith('src/net/') && path !== turns && path !== pageClock
    )
    assert.deepEqual(worldlyReads(decide), [])
  })

  it(`has modules of at most ${linesMax} lines`, () => {
    const long = everything.filter(({ text }) => text.split('\n').length > linesMax + 1)
    assert.deepEqual(
      long.map(({ path }) => path),
      []
    )
  })

  it('leaves nothing to do, and no test out', () => {
    assert.deepEqual(
      linesWith(new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`)),
      []
    )
    assert.deepEqual(
      linesWith(/\b(describe|it|context|this)\.(only|skip)\(|\bx(it|describe)\(/),
      []
    )
  })

  it('says of its parameters which finding or measurement chose them, or that none did', () => {
    const tables: [path: string, name: string][] = [
      ['src/replicas/repair-parameters.ts', 'interface RepairParameters'],
      ['src/routing/upkeep.ts', 'const upkeep'],
      ['src/routing/upkeep.ts', 'const asking'],
      ['src/routing/lookup.ts', 'const pathsUsual'],
      ['src/seed/seed.ts', 'const usual'],
      ['src/seed/peers.ts', 'const writeFloorMs'],
      ['src/base/limits.ts', 'const limits']
    ]
    for (const [path, name] of tables) {
      const { text } = sources.find(source => source.path === path)!
      const before = text.slice(0, text.search(new RegExp(`^(export )?${name}\\b`, 'm'))).trimEnd()
      const comment = before.slice(before.lastIndexOf('/**'))
      assert(before.endsWith('*/') && /\bfinding\b/.test(comment), `${path}: ${name}`)
    }
  })

  it('uses every error code', () => {
    const texts = everything.filter(
      ({ path }) => path !== 'src/base/errors.ts' && !path.startsWith('test/')
    )
    const unused = Object.keys(errorCodes).filter(
      code => !codesOfOthers.includes(code) && !texts.some(({ text }) => text.includes(`'${code}'`))
    )
    assert.deepEqual(unused, [])
    assert.deepEqual(
      codesOfOthers.filter(code => !(code in errorCodes)),
      []
    )
  })
})

describe('the rules of the house', () => {
  const place = (path: string, ...lines: string[]) =>
    misplacedImports([at(path, ...lines)]).map(line => line.replace(/^\S+ \S+ /, ''))
  const world = (...lines: string[]) => worldlyReads([at('src/pod/a.ts', ...lines)]).length

  it('see each way to import', () => {
    const source = at(
      'src/pod/inner/a.ts',
      "import { a } from '../../seed/a.ts'",
      "import type { b } from './b.ts'",
      "import { type c, type d } from '../c.ts'",
      "import { type e, f } from '../e.ts'",
      "export * from '../g.ts'",
      "export type { h } from '../h.ts'",
      "let i: import('../i.ts').I = await import('../j.ts')",
      "// import '../k.ts'",
      "import 'l'"
    )
    assert.deepEqual(
      importsOf(source).map(({ target, typeOnly, line }) => [target, typeOnly, line]),
      [
        ['src/seed/a.ts', false, 1],
        ['src/pod/inner/b.ts', true, 2],
        ['src/pod/c.ts', true, 3],
        ['src/pod/e.ts', false, 4],
        ['src/pod/g.ts', false, 5],
        ['src/pod/h.ts', true, 6],
        ['src/pod/i.ts', true, 7],
        ['src/pod/j.ts', false, 7],
        ['l', false, 9]
      ]
    )
  })

  it('keep the order of the floors', () => {
    const upward = 'a floor imports lower ones only'
    const across = 'rooms on one floor share types only'
    assert.deepEqual(place('src/store/a.ts', "import { b } from '../wire/b.ts'"), [])
    assert.deepEqual(place('src/store/a.ts', "import { b } from '../pod/b.ts'"), [upward])
    assert.deepEqual(place('src/store/a.ts', "import type { b } from '../pod/b.ts'"), [upward])
    assert.deepEqual(place('src/pod/a.ts', "import { b } from '../seed/b.ts'"), [across])
    assert.deepEqual(place('src/pod/a.ts', "import type { b } from '../seed/b.ts'"), [])
    assert.deepEqual(place('src/client/a.ts', "import { b } from '../net/b.ts'"), [
      'src/net is handed in as a port'
    ])
    assert.deepEqual(place('src/client/a.ts', "import { b } from '../nodes/b.ts'"), [
      'only src/nodes and src/worlds put floors together'
    ])
    assert.deepEqual(place('src/sim/a.ts', "import type { b } from '../worlds/b.ts'"), [
      'only src/nodes and src/worlds put floors together'
    ])
    assert.deepEqual(place('src/worlds/a.ts', "import { b } from '../seed/b.ts'"), [])
    assert.deepEqual(place('src/sim/a.ts', "import { b } from '../seed/b.ts'"), [
      'src/sim sees floors 0 to 2'
    ])
    assert.deepEqual(place('src/net/a.ts', "import { b } from '../routing/b.ts'"), [])
    assert.deepEqual(place('src/net/a.ts', "import type { b } from '../seed/b.ts'"), [
      'src/net sees floors 0 to 2'
    ])
    assert.deepEqual(place('src/nodes/a.ts', "import { b } from '../client/b.ts'"), [])
    assert.match(misplacedImports([at('src/attic/a.ts')])[0]!, /no room of/)
    assert.deepEqual(place('src/a.ts').length, 1)
    assert.deepEqual(place('src/base/a.ts', "import '../../test/b.ts'").length, 0)
    assert.deepEqual(place('src/base/a.ts', "import '../../../b.ts'"), [
      'outside of the repository'
    ])
  })

  it('keep packages in their rooms', () => {
    assert.deepEqual(place('src/keys/a.ts', "import 'openpgp'", "import '@hpke/core'"), [])
    assert.deepEqual(place('src/pod/a.ts', "import type { b } from 'openpgp/lightweight'"), [
      'only src/keys may know it'
    ])
    assert.deepEqual(
      place(
        'src/pod/a.ts',
        "import 'libp2p'",
        "import '@libp2p/tcp'",
        "import '@multiformats/multiaddr'"
      ),
      Array(3).fill('only src/net may know it')
    )
    assert.deepEqual(place('src/pod/a.ts', "import { Level } from 'level'"), [
      'only src/store may know it'
    ])
  })

  it('see who reads the clock or the dice', () => {
    assert.equal(world('Date.now()', 'const now = Date.now', 'globalThis.Date.now()'), 3)
    assert.equal(world('new Date()', 'new Date', 'Date()'), 3)
    assert.equal(
      world(
        'setTimeout(run, 1)',
        'globalThis.setInterval(run)',
        "import { setTimeout as after } from 'node:timers/promises'"
      ),
      4
    )
    assert.equal(
      world(
        'crypto.getRandomValues(a)',
        "import { randomBytes } from 'node:crypto'",
        'Math.random()'
      ),
      3
    )
    assert.equal(world('AbortSignal.timeout(5)', 'performance.now()'), 2)
    assert.equal(
      world(
        'new Date(ms)',
        'Date.parse(a)',
        'random.bytes(5)',
        'clock.now()',
        '// Date.now()',
        "'Math.random'",
        'options.timeout'
      ),
      0
    )
  })
})

describe('check-links', () => {
  it('finds links and anchors as a reader does', () => {
    const page = [
      '[a](b.md "t") ![c](d.png)',
      '`[no](no.md)`',
      '```',
      '[no](no.md)',
      '```',
      '[e]: f.md#g',
      '<img alt="" src="h.svg">',
      '[i](<j.md>)'
    ]
    assert.deepEqual(linksOf(page.join('\n')), [
      { target: 'b.md', line: 1 },
      { target: 'd.png', line: 1 },
      { target: 'j.md', line: 8 },
      { target: 'f.md#g', line: 6 },
      { target: 'h.svg', line: 7 }
    ])
    const headings = [
      '# One `two` & three',
      '## One',
      '## One',
      '```',
      '# no',
      '```',
      '<a id="here"></a>',
      '### [A link](x.md), too'
    ]
    assert.deepEqual(
      [...anchorsOf(headings.join('\n'))],
      ['one-two--three', 'one', 'one-1', 'a-link-too', 'here']
    )
  })

  it('says which lead nowhere', async () => {
    await using folder = await temporaryFolder()
    await mkdir(join(folder.path, 'docs'))
    await mkdir(join(folder.path, 'src'))
    await writeFile(
      join(folder.path, 'README.md'),
      '# Top\n[a](docs/a.md#b-c) [b](docs) [c](https://x.example/none.md)\n[d](none.md) [e](#topp) [f](../../f.md)\n'
    )
    await writeFile(
      join(folder.path, 'docs', 'a.md'),
      '## B c\n[up](../README.md#top)\n[wrong](a.md#b)\n'
    )
    await writeFile(
      join(folder.path, 'src', 'a.ts'),
      '// Source: docs/a.md\n// Source: docs/b.md\n// As simulations/c.md says\n'
    )
    assert.deepEqual(brokenLinks(folder.path).sort(), [
      'README.md:3: #topp has no such heading',
      'README.md:3: ../../f.md leaves the repository',
      'README.md:3: none.md does not exist',
      'docs/a.md:3: a.md#b has no such heading',
      'src/a.ts:2: docs/b.md does not exist',
      'src/a.ts:3: simulations/c.md does not exist'
    ])
  })
})

describe('check-built', () => {
  it('says which module is loaded and not there, also where it is loaded late', async () => {
    await using folder = await temporaryFolder()
    await mkdir(join(folder.path, 'src'))
    await writeFile(
      join(folder.path, 'src', 'there.js'),
      'export const text = "import(\'./no.js\')"'
    )
    await writeFile(
      join(folder.path, 'main.js'),
      [
        "import { text } from './src/there.js'",
        "import { join } from 'node:path'",
        "export * from './src/gone.js'",
        'export const late = async () => (await import("./src/late.ts")).late(text, join)'
      ].join('\n')
    )
    assert.deepEqual(missingIn(folder.path), ['main.js: ./src/gone.js', 'main.js: ./src/late.ts'])
  })
})

describe('the container file', () => {
  it('installs packages where nothing but their list was copied yet', async () => {
    const text = await readFile('bootstrap/Containerfile', 'utf8')
    const [, files] = /^COPY (package\.json .*) \.\/\nRUN npm ci$/m.exec(text)!
    await using folder = await temporaryFolder()
    for (const file of files!.split(' ')) await copyFile(file, join(folder.path, file))
    await symlink(resolve('node_modules'), join(folder.path, 'node_modules'))
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8'))
    const run = { cwd: folder.path, shell: true, encoding: 'utf8' } as const
    const { status, stderr } = spawnSync(scripts.prepare, run)
    assert.equal(status, 0, stderr)
    // What is copied next must not go over what was installed.
    const ignored = (await readFile('.dockerignore', 'utf8')).split('\n')
    for (const kept of ['node_modules', 'dist']) assert(ignored.includes(kept), kept)
  })
})
