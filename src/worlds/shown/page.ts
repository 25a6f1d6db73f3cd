/** What reports are made of: HTML that needs no network and allows none. */
export const text = (plain: string): string =>
  plain.replace(/[&<>"]/g, char => `&#${char.charCodeAt(0)};`)

export const table = (heads: readonly string[], rows: readonly (string | number)[][]): string => {
  const row = (cells: readonly (string | number)[], tag: string) =>
    `<tr>${cells.map(cell => `<${tag}>${text(String(cell))}</${tag}>`).join('')}</tr>`
  return `<table>${row(heads, 'th')}${rows.map(cells => row(cells, 'td')).join('')}</table>`
}

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;font-size:14px;display:block;overflow-x:auto}th,td{padding:.15rem .7rem;text-align:left;border-bottom:1px solid #ddd}
pre{font-size:13px;background:#f6f6f6;padding:.5rem;overflow-x:auto}figure{margin:1.5rem 0}svg{max-width:100%;height:auto}.bad{color:#b00}`

/** @param parts HTML; empty ones are left out. */
export const page = (title: string, parts: readonly string[]): string =>
  `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(title)}</title>
<style>${style}</style>
${parts.filter(Boolean).join('\n')}
</html>
`
