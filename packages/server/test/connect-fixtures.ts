/** Configuration files as people have them, per format and name of the container; the tests run over all of them. */

export interface Fixture {
  title: string
  text: string
}

/** `servers` stands for the name of the container. */
const json: Fixture[] = [
  { title: 'empty', text: '' },
  { title: 'an empty object', text: '{}' },
  { title: 'an empty object on two lines', text: '{\n}\n' },
  { title: 'only a comment', text: '// nothing yet\n' },
  { title: 'only a comment without line end', text: '/* nothing yet */' },
  { title: 'an empty container', text: '{\n  "servers": {}\n}\n' },
  { title: 'an empty container with a comment', text: '{\n  "servers": {\n    // soon\n  }\n}\n' },
  { title: 'other settings only', text: '{\n  "theme": "dark",\n  "list": [1, 2]\n}' },
  {
    title: 'other servers and comments',
    text: `// mine
{
  // servers
  "servers": { // all of them
    // the first
    "github": {
      "command": "npx", // by npm
      "args": ["-y", "github"] /* old */
    }, // the end of it
    "files": { "command": "files" } // last
    // and after it
  },
  "theme": "dark" // nice
}
`,
  },
  {
    title: 'trailing commas',
    text: '{\n    "a": 1,\n    "servers": {\n        "x": {\n            "command": "x",\n        },\n    },\n}\n',
  },
  { title: 'tabs', text: '{\n\t"servers": {\n\t\t"x": {}\n\t}\n}\n' },
  {
    title: 'Windows line ends',
    text: '{\r\n  "servers": {\r\n    "x": { "command": "x" }\r\n  },\r\n  "z": 1\r\n}\r\n',
  },
  { title: 'a byte order mark', text: '\uFEFF{\r\n  "servers": {}\r\n}\r\n' },
  { title: 'one line', text: '{"a":1,"servers":{"x":{"command":"x"}},"b":[]}' },
  { title: 'one line with spaces', text: '{ "servers": { "x": {} } }\n' },
  { title: 'a brace on the next line', text: '{\n  "servers":\n  {\n    "x": {}\n  }\n}\n' },
  {
    title: 'a comment over lines after the brace',
    text: '{ /* a\n  b */ "servers": { /* c\n */ "x": {} } }\n',
  },
  { title: 'odd indentation', text: '  {\n      "servers" : {\n "x" :{}\n,"y":{}}\n   }' },
  { title: 'no line end at the end', text: '{\n  "servers": {\n    "x": {}\n  }\n}' },
  {
    title: 'text that looks like ours',
    text: '{\n  "note": "\\"stackmemory\\": {} // no",\n  "other": { "stackmemory": { "command": "mine" } }\n}\n',
  },
]

const toml: Fixture[] = [
  { title: 'empty', text: '' },
  { title: 'only a comment', text: '# nothing yet\n' },
  { title: 'only a comment without line end', text: '# nothing yet' },
  {
    title: 'other settings and servers',
    text: `# mine
model = "large" # the big one

[mcp_servers.github]
command = "npx"
args = [
  "-y", # yes
  "github",
]

[mcp_servers.github.env]
TOKEN = '''x'''
`,
  },
  { title: 'no line end at the end', text: '[mcp_servers.x]\ncommand = "x"' },
  { title: 'Windows line ends', text: 'model = "large"\r\n\r\n[mcp_servers.x]\r\ncommand = "x"\r\n' },
  { title: 'a byte order mark', text: '\uFEFFmodel = "large"\n' },
  { title: 'dotted keys of the same table', text: 'tools.web = true\n\n[profiles.a]\nmodel = "m"\n\n\n' },
  { title: 'a list of tables at the end', text: '[[hooks]]\nname = "a"\n\n[[hooks]]\nname = "b"\n' },
]

export const fixturesFor = (format: 'json' | 'toml', container: string): Fixture[] =>
  format === 'toml'
    ? toml
    : json.map(({ title, text }) => ({
        title,
        text: text.replaceAll('"servers"', JSON.stringify(container)),
      }))

/** Each with the place that the message must name. */
export const malformedFor = (format: 'json' | 'toml', container: string) =>
  format === 'toml'
    ? [
        { title: 'a broken line', text: 'a = 1\nb = = 2\n', says: /line 2, column \d+: this is not TOML/ },
        {
          title: 'an inline table',
          text: `${container} = { x = { command = "x" } }\n`,
          says: /inline table/,
        },
      ]
    : [
        { title: 'a missing comma', text: '{\n  "a": 1\n  "b": 2\n}\n', says: /line 3, column 3/ },
        { title: 'a missing brace', text: '{\n  "a": {\n', says: /line \d+, column \d+: this is not JSON/ },
        { title: 'a list', text: '[1]\n', says: /line 1, column 1: the file must hold an object/ },
        {
          title: 'a container that is none',
          text: `{\n  "${container}": null\n}\n`,
          says: new RegExp(`line 2, column \\d+: "${container}" must be an object`),
        },
        {
          title: 'a container that is there twice',
          text: `{\n  "${container}": {},\n  "${container}": {}\n}\n`,
          says: /line 3, column 3: .* a second time/,
        },
      ]
