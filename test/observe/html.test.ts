import fc from 'fast-check';
import { expect, it } from 'vitest';
import { escapeHtml, Html, html, styleSheet } from '../../src/observe/html.ts';

it('escapes every string, in text and in attributes', () => {
  const hostile = `<script>alert("1")</script>&'`;
  expect(html`<p title="${hostile}">${hostile}</p>`.toString()).toBe(
    '<p title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;">' +
      '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;</p>',
  );
});

it('leaves HTML as it is, alone and in lists, and prints numbers', () => {
  const rows = ['a<', 'b'].map((one) => html`<li>${one}</li>`);
  expect(html`<ul>${rows}</ul>${html`<b>${3}</b>`}`.toString()).toBe('<ul><li>a&lt;</li><li>b</li></ul><b>3</b>');
});

it('lets nothing through that ends text or attribute', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = escapeHtml(text);
      expect(escaped).not.toMatch(/[<>"']/);
      expect(escaped.replaceAll(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&');
    }),
  );
});

it('cannot be made by hand', () => {
  expect(() => new Html('<b>', Symbol('html') as never)).toThrow(TypeError);
});

it('takes no style that ends its element', () => {
  expect(styleSheet('a{b:c}').toString()).toBe('<style>a{b:c}</style>');
  expect(() => styleSheet('a{}</style><script>')).toThrow(TypeError);
});
