import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Shell } from '../../src/cli/terminal/completion.ts'

const ready = 'ready> '
const ran = /=ran=\[([^\]]*)\]=/g
/** Stands for the muttr of the path: prints what it was given, so that a test sees what became of the line. */
const stand = {
  bash: `muttr() { printf '=ran=['; printf '%s\\037' "$@"; printf ']=\\n'; }`,
  fish: `function muttr; printf '=ran=['; printf '%s\\037' $argv; printf ']=\\n'; end`
}

interface Setting {
  /** Of the shell's own files. */
  home: string
  program: readonly string[]
  env?: Record<string, string>
}

/** Puts a completion where that shell finds it, as `muttr completion --help` and the guide say. */
async function install(shell: Shell, home: string, script: string): Promise<Setting> {
  if (shell === 'bash') {
    const rc = [`PS1='${ready}'`, stand.bash, `source ${join(home, 'muttr.bash')}`]
    await writeFile(join(home, 'muttr.bash'), script)
    await writeFile(join(home, 'rc'), `${rc.join('\n')}\n`)
    return { home, program: ['bash', '--noprofile', '--rcfile', join(home, 'rc'), '-i'] }
  }
  if (shell === 'zsh') {
    const rc = [
      `PROMPT='${ready}'`,
      stand.bash,
      `fpath=(${home} $fpath)`,
      `autoload -U compinit; compinit -u -d ${join(home, 'dump')}`
    ]
    await writeFile(join(home, '_muttr'), script)
    await writeFile(join(home, '.zshrc'), `${rc.join('\n')}\n`)
    return { home, program: ['zsh', '-i'], env: { ZDOTDIR: home } }
  }
  const config = join(home, '.config', 'fish')
  await mkdir(join(config, 'completions'), { recursive: true })
  // Else fish makes them of all manual pages, behind our back and after its own end.
  await mkdir(join(home, '.local', 'share', 'fish', 'generated_completions'), { recursive: true })
  await writeFile(join(config, 'completions', 'muttr.fish'), script)
  const rc = [`function fish_prompt; echo -n '${ready}'; end`, 'set -g fish_greeting', stand.fish]
  await writeFile(join(config, 'config.fish'), `${rc.join('\n')}\n`)
  return { home, program: ['fish', '-i'] }
}

/**
 * Types lines at a shell in a terminal of its own, as a person would, and presses Enter after each.
 * @returns the arguments that `muttr` was given by each
 */
export async function typeAt(
  shell: Shell,
  { home, cwd, script, lines }: Record<'home' | 'cwd' | 'script', string> & { lines: string[] }
): Promise<string[][]> {
  const { program, env } = await install(shell, home, script)
  const command = program.map(word => `'${word}'`).join(' ')
  const child = spawn('script', ['-qfec', command, '/dev/null'], {
    cwd,
    env: { PATH: process.env.PATH, HOME: home, TERM: 'xterm', LC_ALL: 'C.UTF-8', ...env },
    stdio: ['pipe', 'pipe', 'inherit']
  })
  let seen = ''
  let wake = Promise.withResolvers<void>()
  child.stdout.setEncoding('utf8').on('data', text => {
    seen += text
    wake.resolve()
    wake = Promise.withResolvers()
  })
  const exited = once(child, 'exit').then(() => {
    throw new Error(`${shell} ended: ${seen}`)
  })
  exited.catch(() => undefined)
  /** Waits until the shell has shown this so many times. */
  const shown = async (count: number, what: (text: string) => number): Promise<void> => {
    while (what(seen) < count) await Promise.race([wake.promise, exited])
  }
  const prompts = (text: string) => text.split(ready).length - 1
  const ends = (text: string) => [...text.matchAll(ran)].length
  await shown(1, prompts)
  for (const [i, line] of lines.entries()) {
    child.stdin.write(`${line}\r`)
    await shown(i + 1, ends)
  }
  child.stdin.end('exit\r')
  await exited.catch(() => undefined)
  return [...seen.matchAll(ran)].map(([, words]) => words!.split('\x1f').slice(0, -1))
}
