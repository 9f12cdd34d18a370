CREATE TABLE artist (artist_id int PRIMARY KEY, name text);
CREATE TABLE album (album_id int PRIMARY KEY, title text, artist_id int REFERENCES artist);
CREATE TABLE genre (genre_id int PRIMARY KEY, name text);
CREATE TABLE media_type (media_type_id int PRIMARY KEY, name text);
CREATE TABLE track (track_id int PRIMARY KEY, name text, album_id int REFERENCES album, media_type_id int REFERENCES media_type, genre_id int REFERENCES genre, composer text, milliseconds int, bytes int, unit_price numeric);
CREATE TABLE playlist (playlist_id int PRIMARY KEY, name text);
CREATE TABLE playlist_track (playlist_id int REFERENCES playlist, track_id int REFERENCES track, PRIMARY KEY (playlist_id, track_id));
CREATE TABLE employee (employee_id int PRIMARY KEY, last_name text, first_name text, title text, reports_to int REFERENCES employee, hire_date date);
CREATE TABLE customer (customer_id int PRIMARY KEY, first_name text, last_name text, country text, email text, support_rep_id int REFERENCES employee);
CREATE TABLE invoice (invoice_id int PRIMARY KEY, customer_id int REFERENCES customer, invoice_date timestamp, billing_country text, total numeric);
CREATE TABLE invoice_line (invoice_line_id int PRIMARY KEY, invoice_id int REFERENCES invoice, track_id int REFERENCES track, unit_price numeric, quantity int)
