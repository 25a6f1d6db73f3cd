import type { OpenedConversation } from '../../src/client/client.ts'
import { received } from './page-letters.ts'

/** Where hostile letters would like the page to go. */
export const evil = 'https://evil.example'

const html = `<html><head><style>@import url(${evil}/s.css); body{background:url(${evil}/bg)}</style>
<meta http-equiv="refresh" content="0;url=${evil}"><base href="${evil}"><link rel="preload" as="image" href="${evil}/p.png"></head>
<body onload="globalThis.ran=1"><h1>Invoice</h1><img src="${evil}/x.png" onerror="globalThis.ran=2" alt="a seal">
<script>globalThis.ran=3</script><iframe srcdoc="<script>parent.ran=4</script>"></iframe>
<form action="${evil}"><input name="passphrase"></form><svg onload="globalThis.ran=5"><a href="javascript:globalThis.ran=6">x</a></svg>
<p>Pay <a href="${evil}/pay">https://bank.example</a> now</p><a href="javascript:globalThis.ran=7">click</a></body></html>`

const markdown = `# <img src=${evil}/m.png onerror="globalThis.ran=8">

![seal](${evil}/i.png)

[home](javascript:globalThis.ran=9) [bank.example](${evil}/b) [bank.example/evil.example](${evil}/c)

<script>globalThis.ran=10</script>

\`\`\`<b>
</b>
\`\`\`
`

const plain = `see ${evil}/plain?\u202emoc.knab and <b onclick="globalThis.ran=11">this</b>\u0007`

/** Makes a conversation of everything a stranger could try in a letter that is shown. */
export function poison({ conversation, letters }: OpenedConversation, nowMs: number): void {
  const subject = 'Invoice \u202efdp.exe\u200b'
  Object.assign(conversation, { subject, with: ['b0b@two.test'] })
  const bodies = [
    ['text/html', html],
    ['text/markdown', markdown],
    ['text/plain', plain],
    ['text/markdown', `${'>'.repeat(5_000)} deep`],
    ['application/x-\u202egnp', html]
  ] as const
  const poisoned = bodies.map(([mimeType, body]) =>
    received(nowMs, conversation.thread, 'b0b@two.test', { subject, mimeType, body })
  )
  letters.splice(0, letters.length, ...poisoned)
}
