import type { ConfigFile } from './config.ts'
import { usualListen, writeConfig } from './config.ts'

/** What stands above a field, and, where the file says nothing of it, what could. */
interface Told {
  why: string
  could?: unknown
}

const top: Record<string, Told> = {
  name: { why: 'What this node is called.' },
  network: { why: 'The network in network.json, beside this file.' },
  listen: {
    why: 'Where it listens for seeds and for people. Others must reach this TCP port.',
    could: usualListen
  },
  reach: {
    why: 'Addresses that others shall dial, where the machine does not know its own: behind a forwarded port.',
    could: { announce: ['/ip4/198.51.100.7/tcp/4420'] }
  },
  connections: { why: 'Peers at once.', could: { max: 1_000 } },
  store: { why: 'The most it stores for others, in bytes.', could: { capBytes: 2 ** 30 } },
  log: {
    why: 'debug, info or warn; to standard error, or to a "logFile"; JSON but on a terminal, unless "logFormat" is "text".',
    could: 'info'
  }
}

const pod: Record<string, Told> = {
  hostname: {
    why: 'What stands behind the @ of every alias, and in the certificate of the pod. `muttr pod rename` changes it; the pod does not begin under a name put here by hand.'
  },
  policy: {
    why: 'Who may take an alias: "open" anybody, "invite" who has a code, "approval" also whom you let in, "closed" nobody.'
  },
  accountsMax: { why: 'People with an alias.', could: 10_000 },
  mailboxMax: { why: 'Notices that wait for one of them.', could: 10_000 },
  monitor: {
    why: 'Figures for Prometheus at /metrics, /health and /ready; plain HTTP, so keep it to this machine.',
    could: { port: 9469 }
  },
  store: {
    why: 'Where accounts and mailboxes are kept. Change it by `muttr pod migrate`, which moves them.',
    could: 'embedded'
  },
  federation: {
    why: 'Whose notices it takes, and to whom it passes its people\'s on: "open" all pods, "list" those that `muttr pod peers allow` names, "closed" none.',
    could: 'open'
  },
  udp: {
    why: 'The UDP port at which it takes notices as datagrams, for speed: open it in the firewall, too. It never answers there.',
    could: { port: 4420 }
  },
  ahead: {
    why: 'Files that it fetches for people who are away: for one of them, and for all; 0 fetches none.',
    could: { accountBytes: 512 * 2 ** 20, bytes: 4 * 2 ** 30 }
  },
  https: {
    why: [
      'The door for GnuPG, browsers and other programs. Its mode is one of',
      '  "off"    there is none',
      '  "acme"   ports 443 and 80; a certificate is ordered and renewed by itself, by the terms of the authority',
      '           (Let\'s Encrypt, unless "acme" names another "directory"); "acme": { "email": … } is where it writes to',
      '  "files"  port 443; "certificate" and "key" name PEM files, read again when they change',
      '  "proxy"  plain HTTP on 127.0.0.1, port 4480, for a web server in front that speaks https'
    ].join('\n'),
    could: { mode: 'acme' }
  },
  admin: {
    why: [
      'The page for operators at /admin/ of the door: "on" or "off". On this machine it is always there: `muttr pod admin link`.',
      '"url" says where browsers find it, where a proxy gives it another name or path.'
    ].join('\n'),
    could: { mode: 'on' }
  }
}

/** muttr.json of a new pod, with comments. @throws {MuttrError} `CONFIG_INVALID` */
export function podConfigText(file: ConfigFile): string {
  writeConfig(file)
  const { pod: said = {}, ...rest } = file
  const head = '// What begins with // is a comment. Unknown fields are refused.'
  const own = `// What makes this node a pod.\n"pod": {\n${fields(said, pod)}\n},`
  return `${head}\n{\n${fields(rest, top)}\n\n${indent(own)}\n}\n`
}

/** What is said; and what could be, as a comment. */
function fields(said: object, told: Record<string, Told>): string {
  const names = new Set([...Object.keys(told), ...Object.keys(said)])
  const shown = [...names].map(name => {
    const isSaid = Object.hasOwn(said, name)
    const value = isSaid ? said[name as keyof typeof said] : told[name]?.could
    const text = `${JSON.stringify(name)}: ${JSON.stringify(value, null, 2)},`
    const why = told[name] ? [commented(told[name].why)] : []
    return indent([...why, isSaid ? text : commented(text)].join('\n'))
  })
  return shown.join('\n\n')
}

const commented = (text: string): string => text.replaceAll(/^/gm, '// ')
const indent = (text: string): string => text.replaceAll(/^(?!$)/gm, '  ')
