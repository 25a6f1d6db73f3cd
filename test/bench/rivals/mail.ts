import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemRandom as random } from '../../../src/net/random.ts'
import { freePorts } from '../../../src/nodes/free-ports.ts'
import type { Program } from './program.ts'
import { listening, run } from './program.ts'

export const mailNeeds = {
  postfix: '/usr/sbin/postfix',
  'dovecot-imapd': '/usr/lib/dovecot/imap',
  'dovecot-lmtpd': '/usr/lib/dovecot/lmtp'
}

/** Postfix takes mail by SMTP and hands it to Dovecot by LMTP, who tells of it over IMAP. */
export interface MailPair extends AsyncDisposable {
  readonly ports: { smtp: number; imap: number }
  readonly pids: readonly number[]
}

/** Everybody at `localhost`, with any password, into a Maildir each; no TLS. Both as Debian sets them, but for where they are. Needs root. */
export async function startMailPair(folder: string): Promise<MailPair> {
  const [smtp, imap, lmtp] = (await freePorts(3, random)) as [number, number, number]
  // Their processes run as users of their own.
  await chmod(folder, 0o755)
  await using stack = new AsyncDisposableStack()
  const dovecot = stack.use(await startDovecot(join(folder, 'dovecot'), { imap, lmtp }))
  const postfix = stack.use(await startPostfix(join(folder, 'postfix'), { smtp, lmtp }))
  const all = stack.move()
  return {
    ports: { smtp, imap },
    pids: [postfix.pid, dovecot.pid],
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

async function startPostfix(
  folder: string,
  { smtp, lmtp }: { smtp: number; lmtp: number }
): Promise<Program> {
  const at = (name: string) => join(folder, name)
  for (const name of ['etc', 'spool', 'data']) await mkdir(at(name), { recursive: true })
  const { uid, gid } = await accountOf('postfix')
  await chown(at('data'), uid, gid)
  await writeFile(
    at('etc/main.cf'),
    `compatibility_level = 3.6
queue_directory = ${at('spool')}
data_directory = ${at('data')}
mail_owner = postfix
setgid_group = postdrop
maillog_file = ${at('log')}
maillog_file_prefixes = ${folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination = localhost
local_recipient_maps =
local_transport = lmtp:inet:127.0.0.1:${lmtp}
alias_maps =
smtpd_client_connection_count_limit = 0
`
  )
  const inner = ['rewrite', 'bounce', 'defer', 'trace', 'verify', 'proxymap', 'lmtp']
  const more = ['smtp', 'relay', 'error', 'retry', 'discard', 'local', 'anvil', 'scache']
  const programs: Record<string, string> = {
    rewrite: 'trivial-rewrite',
    defer: 'bounce',
    trace: 'bounce',
    relay: 'smtp',
    retry: 'error'
  }
  const named = [...inner, ...more].map(name => `${name} unix - - n - - ${programs[name] ?? name}`)
  await writeFile(
    at('etc/master.cf'),
    `127.0.0.1:${smtp} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
showq unix n - n - - showq
qmgr unix n - n 300 1 qmgr
flush unix n - n 1000? 0 flush
postlog unix-dgram n - n - 1 postlogd
${named.join('\n')}
`
  )
  // Makes the folders that are missing.
  await promisify(execFile)(mailNeeds.postfix, ['-c', at('etc'), 'check'])
  const program = run('/usr/lib/postfix/sbin/master', ['-c', at('etc'), '-d'])
  await listening(smtp)
  return program
}

async function startDovecot(
  folder: string,
  { imap, lmtp }: { imap: number; lmtp: number }
): Promise<Program> {
  const at = (name: string) => join(folder, name)
  for (const name of ['', 'run', 'mail']) await mkdir(at(name), { recursive: true })
  const { uid, gid } = await accountOf('dovecot')
  await chown(at('mail'), uid, gid)
  await writeFile(
    at('dovecot.conf'),
    `base_dir = ${at('run')}
state_dir = ${at('run')}
log_path = ${at('log')}
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:${at('mail')}/%n
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${at('mail')}/%n
}
mail_max_userip_connections = 1000
service imap-login {
  inet_listener imap {
    port = ${imap}
  }
  inet_listener imaps {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${lmtp}
  }
}
`
  )
  const program = run('/usr/sbin/dovecot', ['-F', '-c', at('dovecot.conf')])
  await Promise.all([listening(imap), listening(lmtp)])
  return program
}

async function accountOf(name: string): Promise<{ uid: number; gid: number }> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n')
  const fields = lines.find(line => line.startsWith(`${name}:`))!.split(':')
  return { uid: Number(fields[2]), gid: Number(fields[3]) }
}
