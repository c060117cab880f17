-- A shop that lends films: another database than the one that the ruleset which ships is for. Every value is made up.
CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE TYPE postal AS (street text, town text, code text);
CREATE DOMAIN year AS integer CHECK (VALUE BETWEEN 1901 AND 2155);

CREATE TABLE country (country_id serial PRIMARY KEY, country text NOT NULL, iso_code character(2) NOT NULL);
INSERT INTO country (country, iso_code)
SELECT 'Land ' || chr(64 + n), chr(64 + n) || chr(65 + n) FROM generate_series(1, 20) n;

CREATE TABLE language (language_id serial PRIMARY KEY, name character(20) NOT NULL, last_update timestamp NOT NULL);
INSERT INTO language (name, last_update)
SELECT (ARRAY['English', 'Italian', 'Japanese', 'Mandarin', 'French', 'German'])[n], now() FROM generate_series(1, 6) n;

CREATE TABLE staff (
    staff_id serial PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, email text, username text NOT NULL UNIQUE,
    password_hash character varying(40), picture bytea, salary numeric(10, 2), active boolean NOT NULL,
    reset_token text, last_login_ip inet, started date, job_title text, national_insurance_number text
);
INSERT INTO staff (first_name, last_name, email, username, password_hash, picture, salary, active, reset_token,
    last_login_ip, started, job_title, national_insurance_number)
SELECT 'Zarqueth' || translate(n::text, '0123456789', 'abcdefghij'), 'Quelb' || translate(n::text, '0123456789', 'abcdefghij'),
    'zarqueth' || n || '@staff.shop.example', 'zarqueth' || n, md5('p' || n), '\x00ff'::bytea, 20000 + n, n % 5 > 0,
    md5('t' || n) || md5('u' || n), ('10.1.' || n % 200 || '.7')::inet, DATE '2015-01-01' + n,
    (ARRAY['Shop assistant', 'Manager', 'Cashier'])[1 + n % 3], 'AB' || lpad(n::text, 6, '0') || 'C'
FROM generate_series(1, 40) n;

CREATE TABLE customer (
    id bigserial PRIMARY KEY, full_name text NOT NULL, contact_email text NOT NULL UNIQUE, mobile bigint, date_of_birth date NOT NULL,
    gender text, loyalty_tier text NOT NULL, newsletter boolean NOT NULL, preferred_language character varying(5),
    notes text, tags text[], referred_by text, created timestamp with time zone NOT NULL, address jsonb, home postal, website text
);
INSERT INTO customer (full_name, contact_email, mobile, date_of_birth, gender, loyalty_tier, newsletter,
    preferred_language, notes, tags, referred_by, created, address, home, website)
SELECT 'Vimbolar' || translate(n::text, '0123456789', 'klmnopqrst') || ' Tharro', 'vimbolar' || n || '@mail.example',
    447700900000 + n, DATE '1950-01-01' + n * 13, (ARRAY['f', 'm', 'x'])[1 + n % 3],
    (ARRAY['gold', 'silver', 'bronze'])[1 + n % 3], n % 2 = 0, (ARRAY['en', 'fr', 'de'])[1 + n % 3],
    'Rang Vimbolar' || n || ' Tharro about a scratched disc.', ARRAY['vimbolar' || n], 'zarqueth' || n % 40, now(),
    jsonb_build_object('line1', n || ' Ostrel Lane', 'town', 'Fennock' || n, 'postcode', 'ZE' || n % 90 || ' 9ZZ',
        'country', 'GB', 'is_default', true, 'history', jsonb_build_array(jsonb_build_object('moved_in', '2011-02-03',
        'neighbour', 'Olvik Brann')), 'by_mail', jsonb_build_object('vimbolar' || n || '@mail.example', n)),
    ROW(n || ' Ostrel Lane', 'Fennock', 'ZE1 9ZZ')::postal, 'https://vimbolar' || n || '.example/about'
FROM generate_series(1, 300) n;

CREATE TABLE film (
    film_id serial PRIMARY KEY, title character varying(255) NOT NULL, slug text NOT NULL UNIQUE, description text,
    release_year year, language_id integer REFERENCES language, rental_duration smallint NOT NULL,
    rental_rate numeric(4, 2) NOT NULL, length smallint, rating mpaa_rating, special_features text[], fulltext tsvector,
    status text NOT NULL CHECK (status IN ('listed', 'withdrawn'))
);
INSERT INTO film (title, slug, description, release_year, language_id, rental_duration, rental_rate, length, rating,
    special_features, fulltext, status)
SELECT 'Academy Number ' || n, 'academy-number-' || n, 'A story of a robot and a boat, the ' || n || 'th of them.',
    1990 + n % 30, 1 + n % 6, 3, 2.99, 90, 'PG', ARRAY['Trailers'], to_tsvector('robot'),
    (ARRAY['listed', 'withdrawn'])[1 + n % 2]
FROM generate_series(1, 200) n;

CREATE TABLE store (
    store_id serial PRIMARY KEY, store_name text NOT NULL, phone text, address_line_1 text, address_line_2 text, city text,
    postcode character varying(8), vat_number text, manager_id integer REFERENCES staff, opening tsrange
);
INSERT INTO store (store_name, phone, address_line_1, address_line_2, city, postcode, vat_number, manager_id)
SELECT 'Brannick Films Ltd', '020 7946 09' || 10 + n, n || ' Market Street', 'Unit ' || n, 'Fennock', 'ZE1 ' || n % 9 || 'ZZ',
    'GB9' || lpad(n::text, 8, '0'), n FROM generate_series(1, 12) n;

CREATE TABLE rental (
    rental_id bigserial PRIMARY KEY, rental_date timestamp NOT NULL, customer_id bigint NOT NULL REFERENCES customer,
    film_id integer NOT NULL REFERENCES film, staff_id integer NOT NULL REFERENCES staff, return_date timestamp,
    state text NOT NULL, reference text NOT NULL, receipt jsonb NOT NULL, delivery_instructions text, collected_by text
);
INSERT INTO rental (rental_date, customer_id, film_id, staff_id, return_date, state, reference, receipt,
    delivery_instructions, collected_by)
SELECT now(), 1 + n % 300, 1 + n % 200, 1 + n % 40, NULL, (ARRAY['open', 'returned', 'late'])[1 + n % 3], md5(n::text),
    jsonb_build_object('total', n % 10, 'currency', 'GBP', 'paid_at', '2020-01-02T10:00:00Z', 'customer',
        jsonb_build_object('name', 'Vimbolar' || translate((1 + n % 300)::text, '0123456789', 'klmnopqrst') || ' Tharro',
        'phone', '07700 900' || 100 + n % 800), 'lines', jsonb_build_array(jsonb_build_object('sku', n % 9, 'qty', 1))),
    'Leave it with Olvik at number ' || n, 'Olvik Brann'
FROM generate_series(1, 900) n;

CREATE TABLE payment (
    id uuid PRIMARY KEY, rental_id bigint REFERENCES rental, amount numeric(6, 2) NOT NULL, currency character(3) NOT NULL,
    card_last4 character(4), iban text, provider_reference text, method text NOT NULL, paid_on date NOT NULL,
    billing_name text NOT NULL
);
INSERT INTO payment
SELECT md5('pay' || n)::uuid, n, 3.99, 'GBP', lpad((n % 10000)::text, 4, '0'), 'GB29NWBK6016133192' || lpad(n::text, 4, '0'),
    'ch_' || md5(n::text), (ARRAY['card', 'cash'])[1 + n % 2], DATE '2020-01-01', 'Vimbolar' || translate(n::text, '0123456789',
    'klmnopqrst') || ' Tharro' FROM generate_series(1, 400) n;

CREATE TABLE review (
    id bigserial PRIMARY KEY, film_id integer REFERENCES film, stars smallint NOT NULL, headline text NOT NULL, body text NOT NULL,
    author text NOT NULL, posted_at timestamp NOT NULL, ip_address text
);
INSERT INTO review (film_id, stars, headline, body, author, posted_at, ip_address)
SELECT 1 + n % 200, 1 + n % 5, 'Loved it ' || n, 'Vimbolar' || n || ' watched it twice.', 'vimbolar' || n, now(),
    '203.0.113.' || n % 250 FROM generate_series(1, 150) n;

CREATE TABLE user_sessions (token text PRIMARY KEY, customer_id bigint, data text NOT NULL, expires_at timestamp NOT NULL);
INSERT INTO user_sessions SELECT md5('s' || n), n, 'email=vimbolar' || n || '@mail.example', now() FROM generate_series(1, 50) n;

CREATE TABLE measurement (taken_at timestamp NOT NULL, device text NOT NULL, celsius real, remarks text) PARTITION BY RANGE (taken_at);
CREATE TABLE measurement_2020 PARTITION OF measurement FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
INSERT INTO measurement SELECT TIMESTAMP '2020-06-01' + n * interval '1 hour', 'fridge-' || n % 3, 4.5, 'Olvik opened it'
FROM generate_series(1, 60) n;

CREATE TABLE schema_migrations (version text PRIMARY KEY);
INSERT INTO schema_migrations VALUES ('20200101120000'), ('20200201120000');
CREATE TABLE waiting_list (email text NOT NULL, wants integer, wished character varying(3) NOT NULL);
